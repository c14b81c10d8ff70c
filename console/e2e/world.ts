import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const binary = process.env.ONE_API ?? fileURLToPath(new URL("../../one-api", import.meta.url));

/** Debian's Chromium, or the one that the environment names. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function answers(url: string, process: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (process.exitCode !== null) throw new Error(`${url}: the process ended with ${process.exitCode}`);
    try {
      if ((await fetch(url)).status < 500) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer`);
}

/** The account of the simulated Kling, and how long it works on a task. */
export const simKeys = { access: "AKsimulated", secret: "SKsimulated0123456789", delay: "1s" };

export const rootPassword = "a long root password";

/** A gateway with an empty database and a simulated Kling, both real processes. */
export class World {
  readonly #stops: (() => Promise<void>)[] = [];
  gateway = "";
  upstream = "";
  #dir = "";
  #port = 0;
  #node: ChildProcess | undefined;

  static async start(): Promise<World> {
    const w = new World();
    w.#dir = await mkdtemp(join(tmpdir(), "one-api-console-"));
    w.#stops.push(() => rm(w.#dir, { recursive: true, force: true }));
    const simPort = await freePort();
    w.upstream = `http://127.0.0.1:${simPort}`;
    const sim = spawn(
      binary,
      [
        "klingsim",
        "--addr",
        `127.0.0.1:${simPort}`,
        "--access-key",
        simKeys.access,
        "--secret-key",
        simKeys.secret,
        "--delay",
        simKeys.delay,
        "--admin",
      ],
      { stdio: "ignore" },
    );
    w.#stops.push(() => stopped(sim));
    await answers(w.upstream, sim);
    w.#port = await freePort();
    w.gateway = `http://localhost:${w.#port}`;
    await w.startGateway();
    w.#stops.push(() => w.stopGateway());
    return w;
  }

  async startGateway() {
    this.#node = spawn(binary, [], {
      cwd: this.#dir,
      env: {
        PATH: process.env.PATH,
        PORT: String(this.#port),
        SERVER_ADDRESS: this.gateway,
        DATA_DIR: this.#dir,
        LOG_DIR: join(this.#dir, "logs"),
        INITIAL_ROOT_PASSWORD: rootPassword,
      },
      stdio: "ignore",
    });
    await answers(`${this.gateway}/readyz`, this.#node);
  }

  async stopGateway() {
    if (this.#node) await stopped(this.#node);
  }

  async stop() {
    for (const stop of this.#stops.reverse()) await stop();
  }

  /** Calls the management API as root. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    this.#cookie ||= await this.#signIn();
    const response = await fetch(this.gateway + path, {
      method,
      headers: { cookie: this.#cookie, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
  #cookie = "";

  async #signIn() {
    const response = await fetch(`${this.gateway}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "root", password: rootPassword }),
    });
    if (!response.ok) throw new Error(`sign-in: ${response.status}`);
    return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  }

  /** A page that is signed in as root, in a language and colours. */
  async page(
    browser: Browser,
    look: { language?: "en" | "zh"; theme?: "light" | "dark"; width?: number; height?: number } = {},
  ): Promise<{ page: Page; context: BrowserContext }> {
    const { language = "en", theme = "light", width = 1280, height = 800 } = look;
    const context = await browser.newContext({
      viewport: { width, height },
      locale: language === "zh" ? "zh-CN" : "en-GB",
      timezoneId: "Asia/Shanghai",
      colorScheme: theme,
      deviceScaleFactor: width < 500 ? 2 : 1,
    });
    await context.addInitScript(
      ([l, t]) => {
        localStorage.setItem("language", l as string);
        localStorage.setItem("theme", t as string);
      },
      [language, theme],
    );
    await this.api("GET", "/api/me");
    const [name = "", value = ""] = this.#cookie.split("=");
    await context.addCookies([{ name, value, url: this.gateway }]);
    return { page: await context.newPage(), context };
  }
}

async function stopped(p: ChildProcess) {
  if (p.exitCode !== null || p.signalCode !== null) return;
  const gone = new Promise((resolve) => p.once("exit", resolve));
  p.kill("SIGTERM");
  await gone;
}
