import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInstance, type TFunction } from "i18next";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { Language, Look, World } from "./world";

const known = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** Debian's Chromium, or the one that the environment names. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: known.find((p) => p && existsSync(p)),
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

/** The texts of the console in a language, as its own pages read them. */
export function textsOf(language: Language): TFunction {
  const texts: Record<string, unknown> = {};
  for (const dir of [`${language}/base`, language]) {
    const at = new URL(`../src/i18n/locales/${dir}/`, import.meta.url);
    for (const file of readdirSync(at).filter((f) => f.endsWith(".json"))) {
      texts[file.replace(".json", "")] = JSON.parse(readFileSync(new URL(file, at), "utf8"));
    }
  }
  const i18n = createInstance();
  void i18n.init({
    lng: language,
    fallbackLng: false,
    initAsync: false,
    resources: { [language]: { translation: texts } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  return ((key: string, values?: Record<string, unknown>) => {
    const text = i18n.t(key, values ?? {});
    if (text === key) throw new Error(`no text ${key} in ${language}`);
    return text;
  }) as TFunction;
}

/** A page under watch: what must not happen while it is looked at is kept in problems. */
export class Watched {
  readonly problems: string[] = [];
  readonly log: string[] = [];
  /** Requests below /api, as "GET /api/tasks?limit=50". */
  readonly asked: string[] = [];
  /** The test means the gateway to be away or to fail. */
  outage = false;

  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly gateway: string,
  ) {
    page.on("console", (m) => {
      const line = `${m.type()}: ${m.text()} (${m.location().url})`;
      this.log.push(line);
      if (m.type() !== "error") return;
      // What the gateway refuses, and that it is away, the browser reports by itself.
      if (m.text().startsWith("Failed to load resource") && m.location().url.startsWith(`${gateway}/api/`)) return;
      if (this.outage && /Failed to load resource|ERR_/.test(m.text())) return;
      this.problems.push(line);
    });
    page.on("pageerror", (e) => {
      this.log.push(`error: ${e.stack ?? e.message}`);
      this.problems.push(`error: ${e.message}`);
    });
    page.on("request", (r) => {
      const url = r.url();
      if (/^(data|blob|about):/.test(url)) return;
      if (!url.startsWith(`${gateway}/`)) this.problems.push(`asks another host: ${url}`);
      else if (url.startsWith(`${gateway}/api/`)) this.asked.push(`${r.method()} ${url.slice(gateway.length)}`);
    });
    page.on("response", (r) => {
      if (r.status() >= 500 && !this.outage) this.problems.push(`answered ${r.status()}: ${r.url()}`);
    });
  }

  /** Goes to a page and waits until its heading is there. */
  async goto(path: string, heading?: string) {
    await this.page.goto(path);
    if (heading) await this.heading(heading).waitFor();
  }

  heading = (name: string) => this.page.getByRole("heading", { level: 1, name });
  button = (name: string, within: Page | Locator = this.page) => within.getByRole("button", { name, exact: true });
  field = (name: string, within: Page | Locator = this.page) => within.getByLabel(name, { exact: true });
  text = (text: string | RegExp, within: Page | Locator = this.page) => within.getByText(text).first();
  dialog = (name?: string | RegExp) => this.page.getByRole("dialog", name ? { name } : {});

  /** Waits until nothing is asked any more and all that comes has come. */
  async quiet() {
    await this.page.waitForLoadState("networkidle");
  }
}

/** Opens a page for the test that runs; at its end the page is looked through and closed. */
export async function watch(world: World, browser: Browser, look: Look = {}): Promise<Watched> {
  const { language = "en", theme = "light" } = look;
  const { page, context } = await world.open(browser, look);
  await page.addInitScript(
    ([l, t]) => {
      // Where the test has not chosen otherwise in the page.
      if (!localStorage.getItem("language")) localStorage.setItem("language", l as string);
      if (!localStorage.getItem("theme")) localStorage.setItem("theme", t as string);
    },
    [language, theme],
  );
  const w = new Watched(page, context, world.gateway);
  onTestFinished(async ({ task }) => {
    try {
      if (task.result?.state === "fail" || w.problems.length > 0) await keep(w, task.name);
    } finally {
      await context.close();
    }
    expect(w.problems, "what a page must not do").toEqual([]);
  });
  return w;
}

/** Keeps what a page showed when its test failed. */
async function keep(w: Watched, name: string) {
  const dir = await mkdtemp(join(tmpdir(), "one-api-e2e-failed-"));
  const log = [name, w.page.url(), ...w.problems, "", ...w.log, "", ...w.asked].join("\n");
  await writeFile(join(dir, "console.log"), `${log}\n`);
  await w.page.screenshot({ path: join(dir, "page.png"), timeout: 10_000 }).catch(() => {});
  await writeFile(join(dir, "page.html"), await w.page.content().catch(() => ""));
  console.error(`${name}: what the page showed is in ${dir}`);
}
