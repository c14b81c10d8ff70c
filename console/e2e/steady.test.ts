import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { World } from "./world";

// What goes wrong around a page: the gateway goes away, somebody else is faster.
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

test("a page goes on by itself when the gateway is back", async () => {
  const w = await watch(world, browser);
  await w.goto("/ledger", t("nav.ledger"));
  await w.page
    .getByRole("row", { name: t("ledgerKind.grant") })
    .or(w.page.getByRole("row"))
    .first()
    .waitFor();

  w.outage = true;
  await world.stopGateway();
  await w.page
    .getByRole("navigation")
    .getByRole("link", { name: t("nav.tokens") })
    .click();
  await w.text(t("shell.offline")).waitFor();
  await world.startGateway();
  await w.text(t("shell.offline")).waitFor({ state: "detached" });
  await w.text(t("tokens.none")).waitFor();
  expect(new URL(w.page.url()).pathname).toBe("/tokens");
});

test("of two administrators who edit a channel the second is told, and nothing is overwritten", async () => {
  const { id } = await world.channel("shared");
  const carol = await world.user("carol", { role: "admin" });
  const pages = [await watch(world, browser), await watch(world, browser, { as: carol })] as const;
  const forms = [];
  for (const w of pages) {
    await w.goto(`/channels/${id}`, "shared");
    await w.button(t("common.edit")).click();
    const form = w.dialog(t("channels.editTitle", { name: "shared" }));
    await w.field(t("channels.weight"), form).waitFor();
    forms.push(form);
  }
  const [first, second] = pages;
  const [formOne, formTwo] = forms;
  if (!formOne || !formTwo) throw new Error("no forms");
  await first.field(t("channels.weight"), formOne).fill("7");
  await first.button(t("common.save"), formOne).click();
  await formOne.waitFor({ state: "detached" });

  await second.field(t("channels.weight"), formTwo).fill("3");
  await second.field(t("channels.priority"), formTwo).fill("5");
  await second.button(t("common.save"), formTwo).click();
  await second.text(t("common.conflict"), formTwo).waitFor();
  const channel = () => world.api<{ weight: number; priority: number }>("GET", `/api/channels/${id}`);
  expect(await channel()).toMatchObject({ weight: 7, priority: 0 });

  // What was typed stays, and where both differ the reader chooses.
  await second.button(t("common.loadNewest"), formTwo).click();
  await second.button(t("common.takeSaved"), formTwo).click();
  await second.button(t("common.save"), formTwo).click();
  await formTwo.waitFor({ state: "detached" });
  expect(await channel()).toMatchObject({ weight: 7, priority: 5 });
});
