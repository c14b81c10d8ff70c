import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBrowser, textsOf } from "./page";
import { freePort, Program } from "./world";

test("a newcomer sees a first video within a minute of one-api demo", async () => {
  const t = textsOf("en");
  const dir = await mkdtemp(join(tmpdir(), "one-api-demo-"));
  const started = Date.now();
  const demo = new Program(["demo", "--port", String(await freePort())], { cwd: dir });
  const browser = await openBrowser();
  try {
    const [, link = ""] = await demo.prints(/console\s+(http:\/\/\S+)/);
    const page = await browser.newPage({ locale: "en-GB" });
    await page.goto(link);
    await page.getByRole("heading", { level: 1, name: t("nav.overview") }).waitFor();
    await page
      .getByRole("navigation")
      .getByRole("link", { name: t("nav.tasks") })
      .click();
    const row = page
      .getByRole("row")
      .filter({ hasText: t("status.succeed") })
      .first();
    await row.waitFor({ timeout: 50_000 });
    await row.getByRole("link").first().click();
    const video = page.locator("video").first();
    await video.waitFor();
    await expect
      .poll(() => video.evaluate((v) => (v as HTMLVideoElement).readyState), { timeout: 20_000 })
      .toBeGreaterThanOrEqual(1);
    expect(Date.now() - started).toBeLessThan(60_000);
  } finally {
    await browser.close();
    await demo.stop("SIGINT");
    await rm(dir, { recursive: true, force: true });
  }
});
