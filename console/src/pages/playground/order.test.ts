import { describe, expect, test } from "vitest";
import { bodyOf, type Capability, type Draft, draftOf, emptyDraft, fitted, missing } from "./order";

const can = (facts: Partial<Capability>): Capability =>
  ({
    type: "text2video",
    route: "/v1/videos/text2video",
    durations: [5, 10],
    default_duration: 5,
    aspect_ratios: ["16:9", "9:16", "1:1"],
    resolution: "720p",
    max_prompt: 2500,
    max_images: 0,
    min_images: 0,
    max_videos: 0,
    sound: "none",
    ...facts,
  }) as Capability;

const draft = (facts: Partial<Draft>): Draft => ({ ...emptyDraft, model: "kling-v1-6-std", prompt: "a cat", ...facts });
const url = (name: string) => ({ url: `https://example.com/${name}.png` });

/** Of each product and generation: what a model can, a draft for it, and the order that it makes. */
const orders: [string, Capability, Draft, Record<string, unknown>][] = [
  [
    "text to video",
    can({ negative_prompt: true, cfg_scale: true, camera_control: true }),
    draft({ negative: "blur", cfg: 0.7, camera: "zoom", cameraBy: -3 }),
    {
      model: "kling-v1-6-std",
      prompt: "a cat",
      negative_prompt: "blur",
      duration: 5,
      aspect_ratio: "16:9",
      cfg_scale: 0.7,
      camera_control: { type: "simple", config: { zoom: -3 } },
    },
  ],
  [
    "text to video in several shots, with sound",
    can({ multi_shot: true, sound: "optional" }),
    draft({
      prompt: "",
      sound: true,
      seconds: 5,
      shots: [
        { prompt: "a cat", seconds: 2 },
        { prompt: "a dog", seconds: 3 },
      ],
    }),
    {
      model: "kling-v1-6-std",
      multi_shot: true,
      shot_type: "customize",
      multi_prompt: [
        { index: 1, prompt: "a cat", duration: "2" },
        { index: 2, prompt: "a dog", duration: "3" },
      ],
      duration: 5,
      aspect_ratio: "16:9",
      sound: "on",
    },
  ],
  [
    "picture to video",
    can({ type: "image2video", route: "/v1/videos/image2video", max_images: 1, last_frame: true }),
    draft({ type: "image2video", ratio: "", seconds: 10, pictures: [url("first")], tail: url("last") }),
    {
      model: "kling-v1-6-std",
      prompt: "a cat",
      duration: 10,
      image: "https://example.com/first.png",
      image_tail: "https://example.com/last.png",
    },
  ],
  [
    "several pictures",
    can({ type: "multi-image2video", route: "/v1/videos/multi-image2video", max_images: 4 }),
    draft({ type: "multi-image2video", ratio: "1:1", pictures: [url("a"), url("b")] }),
    {
      model: "kling-v1-6-std",
      prompt: "a cat",
      duration: 5,
      aspect_ratio: "1:1",
      image_list: [{ image: "https://example.com/a.png" }, { image: "https://example.com/b.png" }],
    },
  ],
  [
    "omni, from pictures and a video",
    can({ type: "omni-video", route: "/v1/videos/omni-video", max_images: 7, max_videos: 1 }),
    draft({
      type: "omni-video",
      ratio: "9:16",
      pictures: [url("a"), { ...url("end"), role: "end_frame" }],
      video: "https://example.com/v.mp4",
      keepSound: false,
    }),
    {
      model: "kling-v1-6-std",
      prompt: "a cat",
      duration: 5,
      aspect_ratio: "9:16",
      image_list: [
        { image_url: "https://example.com/a.png" },
        { image_url: "https://example.com/end.png", type: "end_frame" },
      ],
      video_list: [{ video_url: "https://example.com/v.mp4", refer_type: "feature", keep_original_sound: "no" }],
    },
  ],
  [
    "the new generation, text to video",
    can({ route: "/text-to-video/kling-3.0-turbo", durations: [3, 4, 5], sound: "always" }),
    draft({ model: "kling-3.0-turbo-std", seconds: 4, ratio: "9:16" }),
    { prompt: "a cat", settings: { resolution: "720p", duration: 4, aspect_ratio: "9:16" } },
  ],
  [
    "the new generation, picture to video",
    can({
      type: "image2video",
      route: "/image-to-video/kling-3.0-turbo",
      aspect_ratios: null,
      max_images: 1,
      sound: "always",
    }),
    draft({ type: "image2video", model: "kling-3.0-turbo-std", ratio: "", pictures: [url("first")] }),
    {
      contents: [
        { type: "prompt", text: "a cat" },
        { type: "first_frame", url: "https://example.com/first.png" },
      ],
      settings: { resolution: "720p", duration: 5 },
    },
  ],
];

describe.each(orders)("an order of %s", (_, capability, form, body) => {
  test("says what the form holds, and nothing else", () => {
    expect(bodyOf(form, capability)).toEqual(body);
  });

  test("becomes the same form again", () => {
    const task = { type: form.type, model: form.model, prompt: form.prompt, duration: form.seconds, request: body };
    const again = draftOf(task as never);
    expect(again).toEqual(form);
    expect(bodyOf(again, capability)).toEqual(body);
  });

  test("lacks nothing", () => {
    expect(missing(form, capability)).toEqual({});
  });
});

test("what a model does not take stays out of its order", () => {
  const all = draft({
    negative: "blur",
    cfg: 0.5,
    camera: "pan",
    sound: true,
    tail: url("last"),
    pictures: [url("a")],
    video: "https://example.com/v.mp4",
    shots: [{ prompt: "x", seconds: 5 }],
  });
  expect(bodyOf(all, can({ aspect_ratios: null }))).toEqual({ model: "kling-v1-6-std", prompt: "a cat", duration: 5 });
});

test("a form that another model fits not is changed to fit", () => {
  const models = [
    { id: "old", offered: false, capabilities: [can({})] },
    {
      id: "new",
      offered: true,
      capabilities: [can({ durations: [3, 6], default_duration: 6, aspect_ratios: ["1:1"] })],
    },
  ] as never;
  expect(fitted(draft({ model: "gone", seconds: 10, ratio: "21:9", sound: true }), models)).toMatchObject({
    model: "new",
    seconds: 6,
    ratio: "1:1",
    sound: false,
  });
});

test("what is missing is said at its field", () => {
  expect(missing(draft({ prompt: " " }), can({}))).toEqual({ prompt: "playground.promptMissing" });
  expect(missing(draft({ prompt: "猫".repeat(11) }), can({ max_prompt: 10 }))).toEqual({
    prompt: "playground.promptLong",
  });
  expect(missing(draft({ type: "image2video" }), can({ type: "image2video", max_images: 1 }))).toEqual({
    pictures: "playground.pictureMissing",
  });
  const shots = [{ prompt: "a", seconds: 2 }];
  expect(missing(draft({ shots }), can({ multi_shot: true }))).toEqual({ shots: "playground.shotsLength" });
});
