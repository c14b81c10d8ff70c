import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type Facts = Schemas["OrderFacts"];

export const productTypes = [
  "text2video",
  "image2video",
  "omni-video",
  "multi-image2video",
  "multi-elements",
  "motion-control",
  "video-extend",
  "lip-sync",
  "advanced-lip-sync",
  "identify-face",
  "avatar",
  "text-to-audio",
  "video-to-audio",
  "tts",
  "custom-voices",
  "image-recognize",
];

/** Orders and their parts in the reader's words. */
export function useOrderText() {
  const { t } = useTranslation();
  return {
    type: (type: string) => t(`prices.types.${type}`, { defaultValue: type }),
    /** What an order asks for, in a line: "5 s · 16:9 · with sound". */
    facts: (o: Facts) =>
      [
        o.duration ? `${o.duration} s` : "",
        o.aspect_ratio,
        o.sound ? t("prices.withSound") : "",
        o.voice ? t("prices.withVoice") : "",
        o.video_input ? t("prices.fromVideo") : "",
      ]
        .filter(Boolean)
        .join(" · "),
  };
}

export const orderKey = (o: Facts) =>
  [o.model, o.type, o.mode, o.duration, o.aspect_ratio, o.sound, o.voice, o.video_input].join("|");
