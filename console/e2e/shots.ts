import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { openBrowser, textsOf, watch } from "./page";
import { type Account, type Language, type Look, World } from "./world";

// The pictures in docs/images, made anew by "npm run shots": a week of a small
// studio, on a real gateway with a simulated Kling. With the program sqlite3 the
// days of tasks are put apart; without it all happened today. The ledger's lines
// are never changed.
const folder = process.env.SHOTS_DIR ?? fileURLToPath(new URL("../../docs/images/", import.meta.url));

let world: World;
let browser: Browser;
let root: Account;
let user: Account;
let task = "";
let channel = 0;

type Facts = Record<string, unknown>;
const turbo = (prompt: string, resolution = "720p"): Facts => ({
  route: "/text-to-video/kling-3.0-turbo",
  model: undefined,
  duration: undefined,
  aspect_ratio: undefined,
  prompt,
  settings: { resolution, duration: 5, aspect_ratio: "16:9" },
});
const picture = "https://images.example.com/first-frame.png";
const prompts: [string, Facts][] = [
  ["A lighthouse at dusk, waves against the rocks, slow aerial shot", { model: "kling-v2-6-pro" }],
  ["清晨的江南水乡，一叶小舟划过薄雾中的石桥，镜头缓缓推近", { model: "kling-v2-1-master" }],
  ["Product film of a glass teapot, steam in the morning light", { model: "kling-v1-6-pro", duration: 10 }],
  ["赛博朋克风格的雨夜街道，霓虹灯倒映在积水中", { model: "kling-v3-pro", aspect_ratio: "9:16" }],
  ["A paper boat drifts down a rainy street gutter", {}],
  ["一只橘猫在窗台上伸懒腰，阳光洒进来", { model: "kling-v2-5-turbo-pro", aspect_ratio: "1:1" }],
  ["Time-lapse of a city from day to night, seen from a rooftop", turbo("Time-lapse of a city, day to night", "1080p")],
  ["海边的白色小屋，风吹动窗帘", turbo("海边的白色小屋，风吹动窗帘")],
  ["The model turns to the camera and smiles", { route: "/v1/videos/image2video", image: picture }],
];
const tags = [{ project: "spring-campaign" }, { project: "春季新品" }, { project: "trailer" }, undefined];

/** Orders of one day, by several people. */
async function day(people: Account[], count: number, n: number) {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const [prompt, facts] = prompts[(i * 5 + n * 3) % prompts.length] ?? ["", {}];
    const who = people[(i * 7 + n) % people.length] as Account;
    const metadata = tags[(i + n) % tags.length];
    ids.push((await world.order(prompt, who, { ...facts, ...(metadata && { metadata }) })).id);
  }
  for (const id of ids) await world.ended(id);
}

/** Puts all that has happened a day further back. */
async function dayBack() {
  const sql = (text: string) =>
    execFileSync("sqlite3", ["-cmd", ".timeout 5000", world.database, text]).toString().trim();
  try {
    execFileSync("sqlite3", ["-version"]);
  } catch {
    return;
  }
  const counted = "SELECT (SELECT coalesce(sum(tasks), 0) FROM usage_hours) = (SELECT count(*) FROM videos)";
  for (let tries = 0; tries < 100 && sql(counted) !== "1"; tries++)
    await new Promise((resolve) => setTimeout(resolve, 200));
  await world.stopGateway();
  const back = (c: string) =>
    `${c} = CASE WHEN ${c} > 0 THEN ${c} - 86400 * CASE WHEN ${c} > 1e11 THEN 1000 ELSE 1 END ELSE ${c} END`;
  const columns = ["created_at", "updated_at", "submitted_at", "finished_at"].map(back).join(", ");
  sql(`UPDATE videos SET ${columns}; UPDATE usage_hours SET hour = hour - 86400;`);
  await world.startGateway();
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  [world, browser] = await Promise.all([
    World.start({ delay: "700ms", env: { WEBHOOK_ALLOW_CIDRS: "127.0.0.0/8" } }),
    openBrowser(),
  ]);
  root = await world.root();
  const quota = (dollars: number) => dollars * 500_000;
  const people = [
    await world.user("lina", { display_name: "李娜", quota: quota(400) }),
    await world.user("marc", { display_name: "Marc Weber", quota: quota(250) }),
    await world.user("wangwei", { display_name: "王伟", quota: quota(180) }),
    await world.user("studio-blue", { display_name: "Studio Blue", quota: quota(900) }),
    await world.user("emma", { display_name: "Emma Jones", role: "admin", quota: quota(60) }),
  ];
  user = people[0] as Account;
  await world.user("zhaomin", { display_name: "赵敏" });
  channel = (await world.channel("Kling Singapore", { priority: 10, max_live: 20 })).id;
  await world.channel("可灵北京", { weight: 3 });
  await world.channel("Kling backup", { priority: -5, models: ["kling-v1-6", "kling-v2-*"], enabled: false });
  await world.api("POST", `/api/channels/${channel}/test`);
  for (const name of ["website", "渲染农场", "storyboard tool"]) await user.api("POST", "/api/tokens", { name });
  await world.api("POST", "/api/webhooks", { url: "http://127.0.0.1:9/hooks/video", description: "Render farm" });
  await world.api("POST", "/api/redemptions", { name: "spring", count: 5, quota: quota(20) });
  const counts = [5, 9, 7, 12, 8, 11];
  for (const [n, count] of counts.entries()) {
    if (n === 2 || n === 4)
      await world.fault({ kind: "fail-task", count: 1, message: "Failure to pass the risk control system" });
    await day(people, count, n);
    await dayBack();
  }
  await world.fault({
    kind: "fail-task",
    match: { prompt: "窗台" },
    count: 1,
    message: "Failure to pass the risk control system",
  });
  await day(people, 8, 6);
  const { id } = await world.order("A lighthouse at dusk, waves against the rocks, slow aerial shot", user, {
    model: "kling-v2-6-pro",
    metadata: { project: "spring-campaign" },
  });
  await world.ended(id);
  task = id;
}, 300_000);
afterAll(async () => {
  await browser?.close();
  await world?.stop();
});

const heading = (page: Page) => page.getByRole("heading", { level: 1 }).waitFor();

async function shot(
  name: string,
  path: () => string,
  look: Look = {},
  before?: (page: Page, t: ReturnType<typeof textsOf>) => Promise<unknown>,
) {
  const language: Language = look.language ?? "en";
  const t = textsOf(language);
  const w = await watch(world, browser, { width: 1440, height: 900, ...look });
  w.outage = true; // a picture is a picture
  await w.page.emulateMedia({ reducedMotion: "reduce" });
  await w.goto(path());
  await heading(w.page);
  await w.page
    .getByRole("status", { name: t("common.loading") })
    .first()
    .waitFor({ state: "detached" });
  await before?.(w.page, t);
  // Live updates keep a connection open: the pictures that are in sight are enough.
  await w.page.evaluate(async () => {
    await document.fonts.ready;
    const videos = [...document.querySelectorAll("video")];
    await Promise.all(
      videos.map(
        (v) =>
          v.readyState >= 2 ||
          new Promise((resolve) => {
            v.addEventListener("loadeddata", resolve, { once: true });
            v.addEventListener("error", resolve, { once: true });
            setTimeout(resolve, 5000);
          }),
      ),
    );
  });
  await w.page.screenshot({ path: `${folder}/${name}.png` });
}

const phone = { width: 390, height: 844 };

test("pictures of the pages", async () => {
  await shot("overview", () => "/");
  await shot("overview-zh", () => "/", { language: "zh", theme: "dark" });
  await shot("tasks", () => "/tasks");
  await shot("gallery", () => "/tasks?view=gallery&status=succeed", { theme: "dark" });
  await shot("task", () => `/tasks/${task}`);
  await shot(
    "playground",
    () => "/playground",
    { as: user, language: "zh" },
    async (page, t) => {
      await page.getByLabel(t("playground.model"), { exact: true }).selectOption("kling-v2-6-pro");
      await page.getByLabel(t("playground.prompt"), { exact: true }).fill("黄昏的灯塔，海浪拍打礁石，航拍缓缓推近");
      await page.getByRole("button", { name: t("playground.make"), exact: true }).click();
      await page.locator("#result video").waitFor();
      await page.evaluate(() => scrollTo(0, 0));
    },
  );
  await shot("channels", () => "/channels");
  await shot(
    "channel-test",
    () => `/channels/${channel}`,
    {},
    async (page, t) => {
      await page.getByRole("button", { name: t("channels.test"), exact: true }).click();
      await page
        .getByText(t("channels.testOk", { count: 2 }))
        .first()
        .waitFor();
    },
  );
  await shot("prices", () => "/prices");
  await shot("users", () => "/users", { language: "zh" });
  await shot("ledger", () => "/ledger");
  await shot("webhooks", () => "/webhooks?tab=deliveries", { theme: "dark" });
  await shot("settings", () => "/settings");
  await shot("about", () => "/about");
  await shot("phone-overview", () => "/", { ...phone });
  await shot("phone-tasks", () => "/tasks", { ...phone, language: "zh", theme: "dark", as: root });
}, 300_000);
