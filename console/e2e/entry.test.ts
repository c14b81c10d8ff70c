import { createHmac } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { Account, type Language, World } from "./world";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

describe.each<Language>(["en", "zh"])("the first start, in %s", (language) => {
  const t = textsOf(language);
  let world: World;
  beforeAll(async () => {
    world = await World.start({ root: false });
  });
  afterAll(() => world?.stop());

  test("the printed link makes the first administrator", async () => {
    const [, link = ""] = await world.node.prints(/(http:\/\/localhost:\d+\/setup\?token=\S+)/);
    const w = await watch(world, browser, { language, as: null });
    w.outage = true; // until it is set up, the gateway answers with 503
    // Whoever comes without the link is told where it is.
    await w.goto("/", t("entry.setup"));
    await w.text(t("entry.setupLink")).waitFor();

    await w.page.goto(link);
    await w.field(t("entry.password")).fill("short");
    await w.button(t("entry.makeAdmin")).click();
    await w.page.getByRole("alert").getByText(t("entry.passwordLength")).waitFor();
    await w.field(t("entry.name")).fill("root");
    await w.field(t("entry.password")).fill("a good long password");
    await w.button(t("entry.makeAdmin")).click();
    await w.heading(t("nav.overview")).waitFor();
    await w.text(t("overview.first")).waitFor();

    // It works once.
    await w.page.goto(link);
    await w.heading(t("entry.setupDone")).waitFor();
  });
});

describe("signing in", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(() => world?.stop());

  test.each<Language>(["en", "zh"])("a wrong password is told in the reader's language, in %s", async (language) => {
    const t = textsOf(language);
    const w = await watch(world, browser, { language, as: null });
    await w.goto("/sign-in", t("entry.signIn"));
    await w.button(t("entry.signIn")).click();
    await w.page.getByRole("alert").getByText(t("entry.nameMissing")).waitFor(); // beside its field
    await w.field(t("entry.name")).fill("root");
    await w.field(t("entry.password")).fill("not the password");
    await w.button(t("entry.signIn")).click();
    const told = w.page.getByRole("alert").filter({ hasText: t("common.requestId") });
    await told.waitFor();
    if (language === "zh") await w.text(t("errors.wrong_credentials"), told).waitFor();
    expect(await told.locator("code").textContent()).toMatch(/^[0-9a-z]{10,}$/);
    await w.button(t("common.copy"), told).click();
    await w.button(t("common.copied"), told).waitFor();
    expect(await w.field(t("entry.password")).inputValue()).toBe("not the password");
  });

  test("a session that was ended leads to the sign-in and back", async () => {
    const t = textsOf("en");
    const ann = await world.user("ann");
    const w = await watch(world, browser, { as: ann });
    await w.goto("/ledger", t("nav.ledger"));
    const other = await Account.signIn(world.gateway, ann.name, ann.password);
    const { items } = await other.api<{ items: { id: string; current: boolean }[] }>("GET", "/api/me/sessions");
    for (const s of items) if (!s.current) await other.api("DELETE", `/api/me/sessions/${s.id}`);

    await w.page
      .getByRole("navigation")
      .getByRole("link", { name: t("nav.tasks") })
      .click();
    await w.text(t("entry.ended")).waitFor();
    await w.field(t("entry.name")).fill(ann.name);
    await w.field(t("entry.password")).fill(ann.password);
    await w.button(t("entry.signIn")).click();
    await w.heading(t("nav.tasks")).waitFor();
    expect(new URL(w.page.url()).pathname).toBe("/tasks");
  });

  test("a second factor is set up and asked for", async () => {
    const t = textsOf("en");
    const bob = await world.user("bob");
    const w = await watch(world, browser, { as: bob });
    await w.goto("/profile", t("nav.profile"));
    await w.button(t("profile.totpOn")).click();
    const setUp = w.dialog(t("profile.totpOn"));
    await w.field(t("entry.password"), setUp).fill(bob.password);
    await w.button(t("common.next"), setUp).click();
    await setUp.getByRole("img", { name: t("profile.qr") }).waitFor();
    const secret = (await setUp.locator("code").textContent()) ?? "";
    await w.field(t("entry.code"), setUp).fill(totp(secret));
    await w.button(t("profile.confirm"), setUp).click();
    await w.text(t("profile.recoveryHint"), setUp).waitFor();
    const recovery = await setUp.getByRole("listitem").allTextContents();
    expect(recovery.length).toBeGreaterThanOrEqual(8);
    await w.button(t("profile.kept"), setUp).click();

    const again = await watch(world, browser, { as: null });
    await again.goto("/sign-in", t("entry.signIn"));
    await again.field(t("entry.name")).fill(bob.name);
    await again.field(t("entry.password")).fill(bob.password);
    await again.button(t("entry.signIn")).click();
    // The code of the step that was used is used up; the next one counts a little early.
    await again.field(t("entry.code")).fill(totp(secret, 1));
    await again.button(t("entry.signIn")).click();
    await again.heading(t("nav.overview")).waitFor();

    const lost = await watch(world, browser, { as: null });
    await lost.goto("/sign-in", t("entry.signIn"));
    await lost.field(t("entry.name")).fill(bob.name);
    await lost.field(t("entry.password")).fill(bob.password);
    await lost.button(t("entry.signIn")).click();
    await lost.button(t("entry.useRecovery")).click();
    await lost.field(t("entry.recoveryCode")).fill(recovery[0] ?? "");
    await lost.button(t("entry.signIn")).click();
    await lost.heading(t("nav.overview")).waitFor();
  });

  test("a passkey is made and signs in", async () => {
    const t = textsOf("en");
    const eve = await world.user("eve");
    const w = await watch(world, browser, { as: eve });
    const devices = await w.context.newCDPSession(w.page);
    await devices.send("WebAuthn.enable");
    await devices.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await w.goto("/profile", t("nav.profile"));
    await w.field(t("profile.passkeyName")).fill("my laptop");
    await w.button(t("profile.addPasskey")).click();
    await w.page.getByRole("listitem").filter({ hasText: "my laptop" }).waitFor();

    await w.button(t("shell.account")).click();
    await w.page.getByRole("menuitem", { name: t("shell.signOut") }).click();
    await w.heading(t("entry.signIn")).waitFor();
    await w.button(t("entry.passkey")).click();
    await w.heading(t("nav.overview")).waitFor();
    await w.button(t("shell.account")).click();
    await w.text("eve").waitFor();
  });
});

/** The code that an authenticator app shows for a secret, some steps of 30 s from now. */
function totp(secret: string, ahead = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/[\s=]/g, "").toUpperCase()]
    .map((c) => letters.indexOf(c).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g)?.map((b) => Number.parseInt(b, 2)) ?? []);
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac("sha1", key).update(step).digest();
  const at = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
