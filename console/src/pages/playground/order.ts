import type { Schemas } from "@/api/client";

export type Capability = Schemas["Capability"];
export type Model = Schemas["Model"];

/** A picture: an address, or a file as Base64 with what the page shows of it. */
export type Picture = {
  url?: string;
  base64?: string;
  name?: string;
  type?: string;
  role?: "first_frame" | "end_frame";
};
export type Shot = { prompt: string; seconds: number };

/** What the form holds. What a model does not take is left out of its order. */
export type Draft = {
  type: string;
  model: string;
  prompt: string;
  negative: string;
  seconds: number;
  ratio: string;
  sound: boolean;
  cfg: number | null;
  pictures: Picture[];
  tail: Picture | null;
  camera: string;
  cameraBy: number;
  shots: Shot[] | null;
  video: string;
  videoUse: "feature" | "base";
  keepSound: boolean;
  test: boolean;
  token: string;
};

export const emptyDraft: Draft = {
  type: "text2video",
  model: "",
  prompt: "",
  negative: "",
  seconds: 5,
  ratio: "16:9",
  sound: false,
  cfg: null,
  pictures: [],
  tail: null,
  camera: "",
  cameraBy: 5,
  shots: null,
  video: "",
  videoUse: "feature",
  keepSound: true,
  test: false,
  token: "",
};

export const productNames = ["text2video", "image2video", "multi-image2video", "omni-video"];

/** What a model does for a product. */
export function capabilityOf(models: Model[], model: string, type: string): Capability | undefined {
  return models.find((m) => m.id === model)?.capabilities.find((c) => c.type === type);
}

/** The draft with values that the model takes, where it had others. */
export function fitted(draft: Draft, models: Model[]): Draft {
  const offers = models.filter((m) => m.capabilities.some((c) => c.type === draft.type));
  const model = offers.some((m) => m.id === draft.model)
    ? draft.model
    : ((offers.find((m) => m.offered) ?? offers[0])?.id ?? "");
  const c = capabilityOf(models, model, draft.type);
  if (!c) return { ...draft, model };
  const ratios = c.aspect_ratios ?? [];
  return {
    ...draft,
    model,
    seconds: (c.durations ?? []).includes(draft.seconds) ? draft.seconds : c.default_duration,
    ratio:
      ratios.includes(draft.ratio) || (draft.ratio === "" && draft.type !== "text2video")
        ? draft.ratio
        : (c.default_aspect_ratio ?? ratios[0] ?? ""),
    sound: c.sound === "optional" && draft.sound,
    pictures: draft.pictures.slice(0, c.max_images),
  };
}

const source = (p: Picture) => p.base64 ?? p.url ?? "";
const given = (p: Picture | null | undefined): p is Picture => !!p && source(p) !== "";

/** The order as a create takes it. */
export function bodyOf(d: Draft, c: Capability): Record<string, unknown> {
  const pictures = d.pictures.filter(given);
  if (c.route.startsWith("/text-to-video/") || c.route.startsWith("/image-to-video/")) {
    const settings = {
      resolution: c.resolution,
      duration: d.seconds,
      ...(c.type === "text2video" && { aspect_ratio: d.ratio }),
    };
    if (c.type === "text2video") return { prompt: d.prompt, settings };
    return {
      contents: [
        { type: "prompt", text: d.prompt },
        ...pictures.slice(0, 1).map((p) => ({ type: "first_frame", url: source(p) })),
      ],
      settings,
    };
  }
  const shots = c.multi_shot ? d.shots : null;
  const first = pictures.some((p) => p.role === "first_frame");
  const base = d.video && c.max_videos > 0 && d.videoUse === "base";
  return {
    model: d.model,
    ...(shots
      ? {
          multi_shot: true,
          shot_type: "customize",
          multi_prompt: shots.map((s, i) => ({ index: i + 1, prompt: s.prompt, duration: String(s.seconds) })),
        }
      : { prompt: d.prompt }),
    ...(c.negative_prompt && d.negative.trim() && { negative_prompt: d.negative }),
    duration: d.seconds,
    ...(d.ratio &&
      (c.aspect_ratios?.length ?? 0) > 0 &&
      !(c.type === "omni-video" && (first || base)) && { aspect_ratio: d.ratio }),
    ...(c.sound === "optional" && { sound: d.sound ? "on" : "off" }),
    ...(c.cfg_scale && d.cfg !== null && { cfg_scale: d.cfg }),
    ...(c.type === "image2video" && given(pictures[0]) && { image: source(pictures[0]) }),
    ...(c.type === "image2video" && c.last_frame && given(d.tail) && { image_tail: source(d.tail) }),
    ...(c.type === "multi-image2video" && { image_list: pictures.map((p) => ({ image: source(p) })) }),
    ...(c.type === "omni-video" &&
      pictures.length > 0 && {
        image_list: pictures.map((p) => ({ image_url: source(p), ...(p.role && { type: p.role }) })),
      }),
    ...(c.max_videos > 0 &&
      d.video && {
        video_list: [{ video_url: d.video, refer_type: d.videoUse, keep_original_sound: d.keepSound ? "yes" : "no" }],
      }),
    ...(c.camera_control &&
      d.camera &&
      d.seconds === 5 && { camera_control: { type: "simple", config: { [d.camera]: d.cameraBy } } }),
  };
}

/** What is missing in a draft before it can be sent, as keys of texts by field. */
export function missing(
  d: Draft,
  c: Capability | undefined,
): Partial<Record<"model" | "prompt" | "pictures" | "shots", string>> {
  const out: ReturnType<typeof missing> = {};
  if (!c) return { model: "playground.noModel" };
  if (d.shots && c.multi_shot) {
    if (d.shots.some((s) => !s.prompt.trim())) out.shots = "playground.shotEmpty";
    else if (d.shots.reduce((sum, s) => sum + s.seconds, 0) !== d.seconds) out.shots = "playground.shotsLength";
  } else if (!d.prompt.trim()) out.prompt = "playground.promptMissing";
  else if ([...d.prompt].length > c.max_prompt) out.prompt = "playground.promptLong";
  const n = d.pictures.filter(given).length;
  if (c.type === "image2video" && n === 0 && !given(d.tail)) out.pictures = "playground.pictureMissing";
  if (c.type === "multi-image2video" && n < Math.max(1, c.min_images)) out.pictures = "playground.pictureMissing";
  return out;
}

type Sent = Record<string, unknown>;
const asText = (v: unknown) => (typeof v === "string" ? v : "");
const asPicture = (v: unknown, role?: unknown): Picture | null => {
  const text = asText(v);
  // Pictures that were sent as files are not kept whole; only addresses can be used again.
  if (!/^https?:\/\//.test(text)) return null;
  return { url: text, ...(role === "first_frame" || role === "end_frame" ? { role } : {}) };
};

/** A draft of an order that was sent before, as far as it is still known. */
export function draftOf(task: Schemas["TaskPage"]): Draft {
  const b = (task.request ?? {}) as Sent;
  const settings = (b.settings ?? {}) as Sent;
  const list = (v: unknown) => (Array.isArray(v) ? (v as Sent[]) : []);
  const contents = list(b.contents);
  const pictures = [
    asPicture(b.image),
    ...list(b.image_list).map((p) => asPicture(p.image ?? p.image_url, p.type)),
    ...contents.filter((x) => x.type === "first_frame").map((x) => asPicture(x.url)),
  ].filter((p) => p !== null);
  const shots = list(b.multi_prompt).map((s) => ({ prompt: asText(s.prompt), seconds: Number(s.duration) || 1 }));
  const camera = Object.entries(((b.camera_control as Sent | undefined)?.config ?? {}) as Record<string, number>).find(
    ([, v]) => v !== 0,
  );
  const video = list(b.video_list)[0];
  return {
    ...emptyDraft,
    type: task.type,
    model: task.model,
    prompt:
      asText(b.prompt) || asText(contents.find((x) => x.type === "prompt")?.text) || (shots.length ? "" : task.prompt),
    negative: asText(b.negative_prompt),
    seconds: Number(b.duration ?? settings.duration) || task.duration || 5,
    ratio:
      asText(b.aspect_ratio ?? settings.aspect_ratio) ||
      (task.type === "text2video" ? (task.aspect_ratio ?? "16:9") : ""),
    sound: b.sound === "on",
    cfg: typeof b.cfg_scale === "number" ? b.cfg_scale : null,
    pictures,
    tail: asPicture(b.image_tail),
    camera: camera?.[0] ?? "",
    cameraBy: camera?.[1] ?? 5,
    shots: b.multi_shot && shots.length ? shots : null,
    video: asText(video?.video_url),
    videoUse: video?.refer_type === "base" ? "base" : "feature",
    keepSound: video?.keep_original_sound !== "no",
    test: task.test ?? false,
  };
}
