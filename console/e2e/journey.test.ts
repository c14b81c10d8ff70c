import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { type Account, type Language, rootPassword, World } from "./world";

// The way of an operator through the console, step after step on one gateway:
// each test goes on where the one before it ended.
describe.each<Language>(["en", "zh"])("the operator's way, in %s", (language) => {
  const t = textsOf(language);
  const model = "kling-v1-6-std";
  let world: World;
  let browser: Browser;
  let guest: Account;
  let price = "";
  let code = "";

  beforeAll(async () => {
    [world, browser] = await Promise.all([World.start(), openBrowser()]);
    guest = await world.user(language === "zh" ? "访客" : "guest");
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  const open = (as?: Account | null) => watch(world, browser, { language, as });

  test("sign in, add Kling as a channel and test it", async () => {
    const w = await open(null);
    await w.goto("/");
    await w.heading(t("entry.signIn")).waitFor();
    await w.field(t("entry.name")).fill("root");
    await w.field(t("entry.password")).fill(rootPassword);
    await w.button(t("entry.signIn")).click();
    await w.heading(t("nav.overview")).waitFor();

    await w.page
      .getByRole("navigation")
      .getByRole("link", { name: t("nav.channels") })
      .click();
    await w.heading(t("nav.channels")).waitFor();
    await w.text(t("channels.empty")).waitFor();
    await w.button(t("channels.add")).first().click();
    const form = w.dialog(t("channels.add"));
    await w.field(t("channels.name"), form).fill("Kling");
    expect(await w.field(t("channels.type"), form).inputValue()).toBe("41");
    await w.field("Base URL", form).fill(world.upstream);
    await w.field("API Key", form).fill(`${world.accessKey}|${world.secretKey}\n${world.apiKey}`);
    await w.text(t("channels.keyServes.ak_sk"), form).waitFor();
    await w.button(t("channels.allModels"), form).isDisabled(); // all models are the default
    await form.locator("label", { hasText: t("common.enable") }).click();
    await w.button(t("channels.add"), form).click();

    const offered = w.dialog(t("channels.testTitle.added", { name: "Kling" }));
    await w.button(t("channels.test"), offered).click();
    await w.text(t("channels.testOk", { count: 2 }), offered).waitFor();
    await w.button(t("common.close"), offered).last().click();
    const row = w.page.getByRole("row", { name: /Kling/ });
    await w.text(t("status.enabled"), row).waitFor();

    // A second test, from the list.
    await row.getByRole("button", { name: t("common.actions") }).click();
    await w.page.getByRole("menuitem", { name: t("channels.test") }).click();
    await w
      .text(t("channels.testOk", { count: 2 }), w.dialog(t("channels.testTitle.test", { name: "Kling" })))
      .waitFor();
  });

  test("make a token and order with it", async () => {
    const w = await open();
    await w.goto("/tokens", t("nav.tokens"));
    await w.button(t("tokens.create")).first().click();
    const form = w.dialog(t("tokens.create"));
    await w.field(t("common.name"), form).fill("my service");
    await w.button(t("tokens.create"), form).click();

    const made = w.dialog(t("tokens.madeTitle", { name: "my service" }));
    const token = (await made.getByTestId("token").textContent()) ?? "";
    expect(token).toMatch(/^\S{20,}$/);
    await w.text(t("tokens.shownOnce"), made).waitFor();
    const shown = made.locator("pre");
    expect(await shown.textContent()).toContain(token);
    await made.locator("label", { hasText: t("tokens.klingClient") }).click();
    expect(await shown.textContent()).toContain(world.gateway);
    await w.button(t("tokens.kept"), made).click();
    await made.waitFor({ state: "detached" });
    await w.page.getByRole("button", { name: "my service" }).waitFor();
    expect(await w.page.content()).not.toContain(token);

    const response = await fetch(`${world.gateway}/kling/v1/videos/text2video`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ model_name: "kling-v1-6", mode: "std", prompt: "a lighthouse at night", duration: "5" }),
    });
    const answer = (await response.json()) as { code: number; data: { task_id: string; task_status: string } };
    expect(answer).toMatchObject({ code: 0, data: { task_status: expect.stringMatching(/submitted|processing/) } });

    await w.goto("/tasks", t("nav.tasks"));
    const row = w.page.getByRole("row", { name: /a lighthouse at night/ });
    await w.text(t("status.succeed"), row).waitFor();
  });

  test("make a video in the playground and find its charge", async () => {
    const order = { type: "text2video", model, duration: 5, aspect_ratio: "16:9" };
    price = `$${(await world.api<{ usd: string }>("POST", "/api/quote", order)).usd}`;
    const w = await open();
    await w.goto("/playground", t("nav.playground"));
    await w.field(t("playground.model")).selectOption(model);
    await w.field(t("playground.prompt")).fill("a kitten in the grass");
    await w.text(price).waitFor(); // before it is sent
    await w.button(t("playground.make")).click();

    const video = w.page.locator("#result video");
    await video.waitFor();
    await expect
      .poll(() => video.evaluate((v) => (v as HTMLVideoElement).readyState), { timeout: 20_000 })
      .toBeGreaterThanOrEqual(1);
    const result = w.page.locator("#result");
    await w.text(t("status.succeed"), result).waitFor();
    await w.text(t("tasks.charged"), result).waitFor();
    await result.getByRole("link", { name: t("playground.openTask") }).click();
    await w.text("a kitten in the grass").waitFor();
    const id = new URL(w.page.url()).pathname.split("/").at(-1) ?? "";

    await w.goto(`/ledger?task_id=${id}`, t("nav.ledger"));
    const charge = w.page.getByRole("row", { name: t("ledgerKind.capture") });
    await charge.waitFor();
    expect(await charge.textContent()).toContain(price);
  });

  test("change a price after a look at what changes", async () => {
    const w = await open();
    await w.goto("/prices", t("nav.prices"));
    await w.field(t("prices.search")).fill(model);
    await w.page
      .getByRole("row", { name: new RegExp(t("prices.types.text2video")) })
      .getByRole("button", { name: model })
      .click();
    const sheet = w.dialog(model);
    await sheet.locator("label", { hasText: t("prices.scopeOwn") }).click();
    await sheet.getByRole("textbox").first().fill("0.75");
    const preview = sheet.getByRole("region", { name: t("common.preview") });
    await w.text(t("prices.whatChanges", { count: 1 }), preview).waitFor();
    await w.text("$0.75", preview).waitFor();
    await w.button(t("common.save"), sheet).click();
    await sheet.waitFor({ state: "detached" });

    await w.goto("/playground", t("nav.playground"));
    await w.field(t("playground.model")).selectOption(model);
    await w.text("$0.75").waitFor();
    expect(await w.page.content()).not.toContain(price);
  });

  test("disable the channel: the playground says so", async () => {
    const w = await open();
    await w.goto("/channels", t("nav.channels"));
    const row = w.page.getByRole("row", { name: /Kling/ });
    await row.getByRole("button", { name: t("common.actions") }).click();
    await w.page.getByRole("menuitem", { name: t("common.disable") }).click();
    await w.text(t("status.disabled"), row).waitFor();

    await w.goto("/playground", t("nav.playground"));
    await w
      .text(t("playground.notNow"))
      .or(w.text(t("playground.noModels")))
      .first()
      .waitFor({ state: "attached" });
  });

  test("make redemption codes", async () => {
    const w = await open();
    await w.goto("/redemptions", t("nav.redemptions"));
    await w.button(t("redemptions.create")).click();
    const form = w.dialog(t("redemptions.create"));
    await w.field(t("redemptions.batchName"), form).fill("spring");
    await w.field(t("redemptions.count"), form).fill("2");
    await w.field(t("redemptions.worthEach"), form).fill("2.50");
    await w.text(t("redemptions.total", { amount: "$5.00" }), form).waitFor();
    await w.button(t("redemptions.create"), form).click();
    const codes = (await w.page.getByTestId("codes").textContent())?.split("\n") ?? [];
    expect(codes).toHaveLength(2);
    code = codes[0] ?? "";
    await w.button(t("redemptions.kept")).click();
  });

  test("a plain user redeems a code and sees a console of their own", async () => {
    const w = await open(guest);
    await w.goto("/usage", t("nav.usage"));
    await w.field(t("usage.code")).fill(code);
    await w.button(t("usage.redeemIt")).click();
    await w.text(t("usage.redeemed", { amount: "$2.50", balance: "$2.50" })).waitFor();

    const places = await w.page.getByRole("navigation").getByRole("link").allTextContents();
    expect(places).toContain(t("nav.playground"));
    for (const admin of ["channels", "prices", "users", "groups", "audit", "settings", "redemptions"])
      expect(places, "the navigation of a plain user").not.toContain(t(`nav.${admin}`));
    await w.goto("/channels");
    await w.text(t("shell.noPermission")).waitFor();

    // A code works once.
    await w.goto("/usage", t("nav.usage"));
    await w.field(t("usage.code")).fill(code);
    await w.button(t("usage.redeemIt")).click();
    await w.page.getByRole("alert").first().waitFor();
  });
});
