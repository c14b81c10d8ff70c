import { createServer, type Server } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { World } from "./world";

type Event = { type: string; data: { task_id?: string; id?: string } };

let world: World;
let browser: Browser;
let receiver: Server;
let address = "";
const received: { id: string; event: Event }[] = [];
const t = textsOf("en");

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (b) => {
      body += b;
    });
    request.on("end", () => {
      received.push({ id: String(request.headers["webhook-id"]), event: JSON.parse(body) as Event });
      response.end("thanks");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(receiver.address() as { port: number }).port}/hook`;
  [world, browser] = await Promise.all([World.start({ env: { WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8" } }), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
  receiver?.close();
});

test("an endpoint is told of a task's end, and told again on demand", async () => {
  await world.channel();
  const w = await watch(world, browser);
  await w.goto("/webhooks", t("nav.webhooks"));
  await w.button(t("webhooks.create")).first().click();
  const form = w.dialog(t("webhooks.create"));
  await w.field(t("webhooks.address"), form).fill("nowhere");
  await w.button(t("common.save"), form).click();
  await form.getByRole("alert").getByText(t("webhooks.addressNeeded")).waitFor();
  await w.field(t("webhooks.address"), form).fill(address);
  await w.button(t("common.save"), form).click();
  const made = w.dialog(t("webhooks.made"));
  expect(await made.locator("code").first().textContent()).toMatch(/^whsec_/);
  await w.button(t("common.close"), made).first().click();

  // A test event, from the list.
  const row = w.page.getByRole("row", { name: address });
  await row.getByRole("button", { name: t("common.actions") }).click();
  await w.page.getByRole("menuitem", { name: t("webhooks.test") }).click();
  await w.text(t("webhooks.arrived")).waitFor();
  expect(received).toHaveLength(1);
  await w.page.keyboard.press("Escape");

  await world.order("a paper boat");
  await expect.poll(() => received.length, { timeout: 30_000 }).toBe(2);
  expect(received[1]?.event.type).toBe("task.succeed");

  await w.goto("/webhooks?tab=deliveries", t("nav.webhooks"));
  const delivery = w.page.getByRole("row", { name: /task\.succeed/ });
  await w.text(t("status.delivered"), delivery).waitFor();
  await w.button(t("webhooks.redeliver"), delivery).click();
  await expect.poll(() => received.length, { timeout: 30_000 }).toBe(3);
  expect(received[2]?.id).toBe(received[1]?.id);
});
