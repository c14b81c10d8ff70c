import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { World } from "./world";

let world: World;
let browser: Browser;
const t = textsOf("en");

beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

test("the command menu leads to a page by a few letters", async () => {
  const w = await watch(world, browser);
  await w.goto("/", t("nav.overview"));
  await w.page.keyboard.press("Control+k");
  await w.page.getByPlaceholder(t("command.placeholder")).waitFor();
  await w.page.keyboard.type("webhoo");
  await w.page.keyboard.press("ArrowDown"); // past the search for tasks
  await w.page.getByRole("option", { name: t("nav.webhooks"), selected: true }).waitFor();
  await w.page.keyboard.press("Enter");
  await w.heading(t("nav.webhooks")).waitFor();
});

test("a link skips to the content", async () => {
  const w = await watch(world, browser);
  await w.goto("/", t("nav.overview"));
  await w.page.keyboard.press("Tab");
  await w.page.getByRole("link", { name: t("shell.skip") }).waitFor();
  await w.page.keyboard.press("Enter");
  expect(await w.page.evaluate(() => document.activeElement?.id)).toBe("main");
});

test("a dialog holds the focus and gives it back", async () => {
  const w = await watch(world, browser);
  await w.goto("/tokens", t("nav.tokens"));
  const opener = w.button(t("tokens.create")).first();
  await opener.focus();
  await w.page.keyboard.press("Enter");
  const form = w.dialog(t("tokens.create"));
  await form.waitFor();
  for (let i = 0; i < 40; i++) {
    await w.page.keyboard.press("Tab");
    const inside = await form.evaluate((d) => d.contains(document.activeElement));
    expect(inside, `the focus after ${i + 1} steps`).toBe(true);
  }
  await w.page.keyboard.press("Escape");
  await form.waitFor({ state: "detached" });
  await expect.poll(() => opener.evaluate((b) => b === document.activeElement)).toBe(true);
});
