import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBrowser, textsOf, type Watched, watch } from "./page";
import { World } from "./world";

let world: World;
let browser: Browser;
const t = textsOf("en");

beforeAll(async () => {
  [world, browser] = await Promise.all([World.start(), openBrowser()]);
  await world.channel();
  await world.ended((await world.order("a paper boat")).id);
});
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

/** Counts what comes over the network until nothing more is asked. */
async function transferred(w: Watched, go: () => Promise<unknown>) {
  const network = await w.context.newCDPSession(w.page);
  await network.send("Network.enable");
  const urls = new Map<string, string>();
  const sizes: Record<string, number> = {};
  network.on("Network.requestWillBeSent", (e) => urls.set(e.requestId, e.request.url));
  network.on("Network.loadingFinished", (e) => {
    const url = urls.get(e.requestId);
    if (url && !url.startsWith("data:")) sizes[url.slice(world.gateway.length)] = e.encodedDataLength;
  });
  await go();
  await w.quiet();
  return { sizes, bytes: Object.values(sizes).reduce((sum, n) => sum + n, 0), requests: Object.keys(sizes).length };
}

describe("the first load", () => {
  test("signed out is at most 200 kB in 10 requests", async () => {
    const w = await watch(world, browser, { as: null });
    const seen = await transferred(w, () => w.goto("/", t("entry.signIn")));
    expect(seen.bytes, JSON.stringify(seen.sizes, null, 1)).toBeLessThanOrEqual(200_000);
    expect(seen.requests, JSON.stringify(seen.sizes, null, 1)).toBeLessThanOrEqual(10);
  });

  test("of the overview is at most 200 kB in 10 requests", async () => {
    const w = await watch(world, browser);
    const seen = await transferred(w, () => w.goto("/", t("nav.overview")));
    expect(seen.bytes, JSON.stringify(seen.sizes, null, 1)).toBeLessThanOrEqual(200_000);
    expect(seen.requests, JSON.stringify(seen.sizes, null, 1)).toBeLessThanOrEqual(10);
  });
});

// The rows of a page come with one request. Beside it are allowed who one is,
// and what fills the choices of its filters.
const choices = /^GET \/api\/(me|groups|models|channels\/types|session\/methods|settings|tasks\/events)\b/;
const lists: Record<string, RegExp> = {
  tasks: /^GET \/api\/tasks\?/,
  channels: /^GET \/api\/channels\?/,
  prices: /^GET \/api\/prices$/,
  users: /^GET \/api\/users\?/,
  groups: /^GET \/api\/groups/,
  tokens: /^GET \/api\/tokens\?/,
  ledger: /^GET \/api\/ledger\?/,
  redemptions: /^GET \/api\/redemptions\?/,
  webhooks: /^GET \/api\/webhooks\?/,
  audit: /^GET \/api\/audit\?/,
};

test.each(Object.entries(lists))("the list of %s is one request", async (name, rows) => {
  const w = await watch(world, browser);
  await w.goto(`/${name}`, t(`nav.${name}`));
  await w.page.waitForLoadState("load");
  await expect.poll(() => w.asked.filter((r) => rows.test(r)).length).toBe(1);
  await w.page.getByRole("status", { name: t("common.loading") }).waitFor({ state: "detached" });
  const asked = [...w.asked].sort();
  expect(asked, "no request is made twice").toEqual([...new Set(asked)]);
  expect(
    asked.filter((r) => !rows.test(r) && !choices.test(r)),
    "nothing else is asked",
  ).toEqual([]);
});
