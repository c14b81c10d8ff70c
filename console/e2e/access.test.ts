import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { type Account, World } from "./world";

// What axe finds in each page, in light and dark, on a desk and on a phone.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const t = textsOf("en");

let world: World;
let browser: Browser;
let user: Account;
let task = "";
let failed = "";
let channel = 0;

beforeAll(async () => {
  [world, browser] = await Promise.all([
    World.start({ delay: "300ms", env: { WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8" } }),
    openBrowser(),
  ]);
  channel = (await world.channel()).id;
  await world.fault({ kind: "fail-task", match: { prompt: "fails" }, count: 1, message: "the content filter said no" });
  user = await world.user("ann", { quota: 5_000_000 });
  const [a, b, c] = await Promise.all([
    world.order("a paper boat"),
    world.order("this one fails"),
    world.order("a lighthouse", user),
  ]);
  for (const { id } of [a, b, c]) await world.ended(id);
  task = a.id;
  failed = b.id;
  await world.api("POST", "/api/tokens", { name: "my service" });
  await world.api("POST", "/api/redemptions", { name: "spring", count: 2, quota: 500_000 });
  await world.api("POST", "/api/webhooks", { url: "http://127.0.0.1:9/hook", events: [] });
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const colours = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

/** Lets axe look at the page as it stands; what it finds serious is told by rule and place. */
async function found(page: Page, runOnly: unknown): Promise<string[]> {
  // What moves has its last colours first.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter((a) => a.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY)
        .map((a) => a.finished.catch(() => {})),
    ),
  );
  const { violations } = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({ resultTypes: ["violations"], runOnly })})`,
  )) as AxeResults;
  return violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .flatMap((v) => v.nodes.slice(0, 4).map((n) => `${v.id}: ${n.target.join(" ")} ${n.html.slice(0, 160)}`));
}

async function look(path: () => string, ready: (page: Page) => Promise<unknown>, as?: Account | null) {
  const w = await watch(world, browser, { as });
  await w.page.emulateMedia({ reducedMotion: "reduce" });
  await w.page.addInitScript(() => localStorage.setItem("theme", "system"));
  await w.goto(path());
  await ready(w.page);
  await w.page.getByRole("status", { name: t("common.loading") }).waitFor({ state: "detached" });
  await w.page.evaluate(axe);
  const all: Record<string, string[]> = {};
  for (const width of [1280, 390]) {
    await w.page.setViewportSize({ width, height: 800 });
    for (const colorScheme of ["light", "dark"] as const) {
      await w.page.emulateMedia({ colorScheme });
      // The dark differs in its colours only.
      const wrong = await found(w.page, colorScheme === "light" ? standards : colours);
      if (wrong.length) all[`${width} px, ${colorScheme}`] = wrong;
    }
  }
  expect(all).toEqual({});
}

const heading = (name: string) => (page: Page) => page.getByRole("heading", { level: 1, name: t(name) }).waitFor();
const text = (words: string) => (page: Page) => page.getByText(words).first().waitFor();

test.each<[string, () => string, (page: Page) => Promise<unknown>]>([
  ["overview", () => "/", text("kling-v1-6-std")],
  ["tasks", () => "/tasks", text("a paper boat")],
  ["gallery", () => "/tasks?view=gallery", text("a paper boat")],
  ["a task", () => `/tasks/${task}`, text("a paper boat")],
  ["a failed task", () => `/tasks/${failed}`, text("this one fails")],
  ["playground", () => "/playground", (page) => page.getByLabel(t("playground.prompt"), { exact: true }).waitFor()],
  ["channels", () => "/channels", text("Kling")],
  ["a channel", () => `/channels/${channel}`, text("Kling")],
  ["the form of a channel", () => "/channels?new=1", (page) => page.getByLabel("Base URL", { exact: true }).waitFor()],
  ["prices", () => "/prices?q=kling-v1-6", text("kling-v1-6-std")],
  ["price rules", () => "/prices?tab=rules&q=kling-v1-6", text("price.kling-v1-6-std")],
  ["price versions", () => "/prices?tab=versions", text(t("prices.inForce"))],
  ["users", () => "/users", text("ann")],
  ["a user", () => `/users/${user.id}`, text("ann")],
  ["groups", () => "/groups", text("default")],
  ["tokens", () => "/tokens", text("my service")],
  ["the form of a token", () => "/tokens?new=1", (page) => page.getByRole("dialog").waitFor()],
  ["usage", () => "/usage", heading("nav.usage")],
  ["ledger", () => "/ledger", heading("nav.ledger")],
  ["redemptions", () => "/redemptions", text("spring")],
  ["webhooks", () => "/webhooks", text("http://127.0.0.1:9/hook")],
  ["deliveries", () => "/webhooks?tab=deliveries", heading("nav.webhooks")],
  ["audit", () => "/audit", heading("nav.audit")],
  ["settings", () => "/settings", heading("nav.settings")],
  ["about", () => "/about", heading("nav.about")],
  ["profile", () => "/profile", text(t("profile.sessions"))],
])("axe finds nothing serious in %s", async (_, path, ready) => {
  await look(path, ready);
});

test.each<[string, string]>([
  ["the sign-in", "/sign-in"],
  ["the price list", "/pricing"],
])("axe finds nothing serious in %s, signed out", async (_, path) => {
  await look(
    () => path,
    (page) => page.getByRole("heading", { level: 1 }).waitFor(),
    null,
  );
});

test("axe finds nothing serious where a user may not go, nor in the command menu", async () => {
  await look(() => "/channels", text(t("shell.noPermission")), user);
  await look(
    () => "/",
    async (page) => {
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.keyboard.press("Control+k");
      await page.getByPlaceholder(t("command.placeholder")).waitFor();
    },
  );
});
