import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";

export const binary = process.env.ONE_API ?? fileURLToPath(new URL("../../one-api", import.meta.url));

export type Language = "en" | "zh";

/** How a page is looked at. */
export type Look = {
  language?: Language;
  theme?: "light" | "dark";
  width?: number;
  height?: number;
  /** Who is signed in: root without, null for nobody. */
  as?: Account | null;
};

export const rootPassword = "a long root password";
const word = (prefix: string) => prefix + randomBytes(12).toString("hex");

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** A program of the binary under test, with what it has printed. */
export class Program {
  printed = "";
  readonly #process: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #wakes = new Set<() => void>();

  constructor(args: string[], options: { cwd?: string; env?: Record<string, string | undefined> } = {}) {
    this.#process = spawn(binary, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    const took = (b: Buffer) => {
      this.printed += b.toString();
      for (const w of this.#wakes) w();
    };
    this.#process.stdout?.on("data", took);
    this.#process.stderr?.on("data", took);
    this.#gone = new Promise((resolve) => {
      this.#process.once("close", resolve);
      this.#process.once("error", resolve);
    }).then(() => {
      for (const w of this.#wakes) w();
    });
  }

  get ended() {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits until the program has printed something that fits. */
  async prints(pattern: RegExp, within = 30_000): Promise<RegExpExecArray> {
    const until = Date.now() + within;
    for (;;) {
      const m = pattern.exec(this.printed);
      if (m) return m;
      if (this.ended || Date.now() > until) throw new Error(`the program did not print ${pattern}:\n${this.printed}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#wakes.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.max(1, until - Date.now()));
        this.#wakes.add(wake);
      });
    }
  }

  /** Waits until the program answers at an address. */
  async answers(url: string) {
    for (let tries = 0; tries < 300 && !this.ended; tries++) {
      try {
        if ((await fetch(url)).status < 500) return;
      } catch {
        // Not yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${url} does not answer:\n${this.printed}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM") {
    if (!this.ended) this.#process.kill(signal);
    await this.#gone;
  }
}

/** Somebody with a session, who may call the management API. */
export class Account {
  constructor(
    readonly gateway: string,
    readonly id: number,
    readonly name: string,
    readonly password: string,
    readonly cookie: string,
  ) {}

  static async signIn(gateway: string, name: string, password: string): Promise<Account> {
    const response = await fetch(`${gateway}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, password }),
    });
    if (!response.ok) throw new Error(`sign-in of ${name}: ${response.status} ${await response.text()}`);
    const { id } = (await response.json()) as { id: number };
    return new Account(gateway, id, name, password, (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "");
  }

  /** Calls the management API. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.gateway + path, {
      method,
      headers: { cookie: this.cookie, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }
}

type Options = {
  /** More of the gateway's environment. */
  env?: Record<string, string>;
  /** Whether there is an administrator from the start. */
  root?: boolean;
  /** How long the simulated Kling works on a task. */
  delay?: string;
};

/** A gateway with an empty database and a simulated Kling, both real processes. */
export class World {
  gateway = "";
  /** Where the simulated Kling is, and its keys. */
  upstream = "";
  readonly accessKey = word("AK");
  readonly secretKey = word("SK");
  readonly apiKey = word("api-key-");
  readonly #options: Options;
  readonly #stops: (() => Promise<unknown>)[] = [];
  #dir = "";
  #port = 0;
  #node: Program | undefined;
  #root: Account | undefined;

  private constructor(options: Options) {
    this.#options = options;
  }

  static async start(options: Options = {}): Promise<World> {
    const w = new World(options);
    try {
      w.#dir = await mkdtemp(join(tmpdir(), "one-api-console-"));
      w.#stops.push(() => rm(w.#dir, { recursive: true, force: true }));
      const port = await freePort();
      w.upstream = `http://127.0.0.1:${port}`;
      const account = ["--access-key", w.accessKey, "--secret-key", w.secretKey, "--api-key", w.apiKey];
      const sim = new Program([
        "klingsim",
        ...["--addr", `127.0.0.1:${port}`, ...account, "--delay", options.delay ?? "1s", "--admin"],
      ]);
      w.#stops.push(() => sim.stop());
      w.#port = await freePort();
      w.gateway = `http://localhost:${w.#port}`;
      w.#stops.push(async () => w.#node?.stop());
      await Promise.all([sim.answers(w.upstream), w.startGateway()]);
      return w;
    } catch (error) {
      await w.stop();
      throw error;
    }
  }

  /** The file of the gateway's database. */
  get database() {
    return join(this.#dir, "one-api.db");
  }

  /** What the gateway's process has printed. */
  get node(): Program {
    if (!this.#node) throw new Error("the gateway was not started");
    return this.#node;
  }

  async startGateway() {
    this.#node = new Program([], {
      cwd: this.#dir,
      env: {
        PATH: process.env.PATH,
        PORT: String(this.#port),
        SERVER_ADDRESS: this.gateway,
        DATA_DIR: this.#dir,
        LOG_DIR: join(this.#dir, "logs"),
        ...(this.#options.root === false ? {} : { INITIAL_ROOT_PASSWORD: rootPassword }),
        ...this.#options.env,
      },
    });
    await this.#node.answers(`${this.gateway}/readyz`);
  }

  async stopGateway() {
    await this.node.stop();
  }

  async stop() {
    for (const stop of this.#stops.reverse()) await stop();
  }

  /** The administrator, signed in once. */
  async root(): Promise<Account> {
    this.#root ??= await Account.signIn(this.gateway, "root", rootPassword);
    return this.#root;
  }

  /** Calls the management API as root. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.root()).api<T>(method, path, body);
  }

  /** A new user with an amount of quota. */
  async user(name: string, facts: { role?: string; display_name?: string; quota?: number } = {}): Promise<Account> {
    const { quota, ...rest } = facts;
    const password = `the password of ${name}`;
    const { id } = await this.api<{ id: number }>("POST", "/api/users", { name, password, ...rest });
    if (quota)
      await this.api("POST", `/api/users/${id}/balance`, { amount: quota, reason: "for the test", kind: "topup" });
    return Account.signIn(this.gateway, name, password);
  }

  /** A channel to the simulated Kling, made by the API. */
  async channel(name = "Kling", facts: Record<string, unknown> = {}): Promise<{ id: number; version: number }> {
    return this.api("POST", "/api/channels", {
      name,
      type: 41,
      base_url: this.upstream,
      keys: `${this.accessKey}|${this.secretKey}\n${this.apiKey}`,
      models: ["*"],
      ...facts,
    });
  }

  /** Orders a video for an account, root without one; its task is soon done. */
  async order(prompt: string, as?: Account, facts: Record<string, unknown> = {}): Promise<{ id: string }> {
    const { route = "/v1/videos/text2video", ...body } = facts;
    return (as ?? (await this.root())).api("POST", "/api/tasks", {
      route,
      body: { model: "kling-v1-6-std", prompt, duration: 5, aspect_ratio: "16:9", ...body },
    });
  }

  /** Waits until a task has come to its end. */
  async ended(id: string): Promise<string> {
    for (let tries = 0; tries < 300; tries++) {
      const { status } = await this.api<{ status: string }>("GET", `/api/tasks/${id}`);
      if (status === "succeed" || status === "failed") return status;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`task ${id} does not end`);
  }

  /** Has the simulated Kling misbehave. */
  async fault(fault: Record<string, unknown>) {
    const response = await fetch(`${this.upstream}/_sim/faults`, { method: "POST", body: JSON.stringify(fault) });
    if (!response.ok) throw new Error(`fault: ${await response.text()}`);
  }

  /** A page of a browser of its own, in a language and colours. */
  async open(browser: Browser, look: Look = {}): Promise<{ page: Page; context: BrowserContext }> {
    const { language = "en", theme = "light", width = 1280, height = 800 } = look;
    const context = await browser.newContext({
      baseURL: this.gateway,
      viewport: { width, height },
      locale: language === "zh" ? "zh-CN" : "en-GB",
      timezoneId: "Asia/Shanghai",
      colorScheme: theme,
      deviceScaleFactor: width < 500 ? 2 : 1,
    });
    context.setDefaultTimeout(20_000);
    const account = look.as === null ? undefined : (look.as ?? (await this.root()));
    if (account) {
      const [name = "", value = ""] = account.cookie.split("=");
      await context.addCookies([{ name, value, url: this.gateway }]);
    }
    return { page: await context.newPage(), context };
  }
}
