import { CircleSlash, Download, ExternalLink, Film, Play } from "lucide-react";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "@/ui/button";
import { isLive } from "./live";

type Playable = { id: string; status: string; aspect_ratio?: string; result_url?: string; prompt: string };

/** Where a task's result comes from: through the gateway, so that no other host is asked. */
export const mediaOf = (id: string, query = "") => `/api/tasks/${encodeURIComponent(id)}/media${query}`;

/** The shape of a result before it is there. */
export function shape(ratio: string | undefined): string {
  const [w, h] = (ratio ?? "16:9").split(":").map(Number);
  return w && h ? `${w} / ${h}` : "16 / 9";
}

/** A task's video. Its first picture is the poster; nothing more is fetched until it is played. */
export function Player({ task, className, autoPlay }: { task: Playable; className?: string; autoPlay?: boolean }) {
  const { t } = useTranslation();
  const [gone, setGone] = useState(false);
  if (task.status !== "succeed" || gone) {
    return (
      <div
        style={{ aspectRatio: shape(task.aspect_ratio) }}
        className={cn(
          "flex max-h-[70vh] w-full flex-col items-center justify-center rounded-lg bg-sunken text-faint",
          className,
        )}
      >
        {gone ? (
          <CircleSlash className="size-7" aria-hidden />
        ) : (
          <Film className={cn("size-7", task.status !== "failed" && "animate-pulse")} aria-hidden />
        )}
        <p className="mt-2 px-4 text-center text-xs">{gone ? t("tasks.resultGone") : t(`status.${task.status}`)}</p>
      </div>
    );
  }
  return (
    <video
      controls
      playsInline
      loop
      autoPlay={autoPlay}
      muted={autoPlay}
      preload="metadata"
      src={mediaOf(task.id)}
      onError={() => setGone(true)}
      aria-label={task.prompt || t("tasks.video")}
      style={{ aspectRatio: shape(task.aspect_ratio) }}
      className={cn("max-h-[70vh] w-full rounded-lg bg-black object-contain", className)}
    />
  );
}

/** What can be done with a result. */
export function PlayerActions({ task }: { task: Playable }) {
  const { t } = useTranslation();
  if (task.status !== "succeed") return null;
  return (
    <div className="flex flex-wrap gap-2">
      <Button asChild size="sm">
        <a href={mediaOf(task.id, "?download=1")} download>
          <Download aria-hidden />
          {t("tasks.download")}
        </a>
      </Button>
      {task.result_url && (
        <Button asChild size="sm" look="ghost">
          <a href={task.result_url} target="_blank" rel="noreferrer">
            <ExternalLink aria-hidden />
            {t("tasks.openUpstream")}
          </a>
        </Button>
      )}
    </div>
  );
}

/**
 * A small picture of a result: its shape, and the first picture of the video
 * once the pointer is near it or, with eager, once it is in sight.
 */
export function Poster({ task, eager, className }: { task: Playable; eager?: boolean; className?: string }) {
  const [near, setNear] = useState(false);
  const [gone, setGone] = useState(false);
  const ready = task.status === "succeed" && !gone;
  const watch = useCallback(
    (element: HTMLElement | null) => {
      if (!element || !eager) return;
      const seen = new IntersectionObserver(([e]) => e?.isIntersecting && setNear(true), { rootMargin: "200px" });
      seen.observe(element);
      return () => seen.disconnect();
    },
    [eager],
  );
  return (
    <span
      ref={watch}
      onPointerEnter={() => setNear(true)}
      className={cn(
        "relative flex items-center justify-center overflow-hidden rounded-md bg-sunken text-faint",
        className,
      )}
      aria-hidden
    >
      {ready && near && (
        <video
          src={mediaOf(task.id)}
          preload="metadata"
          muted
          playsInline
          className="absolute inset-0 size-full object-cover"
          tabIndex={-1}
          onError={() => setGone(true)}
        />
      )}
      {ready ? (
        <Play className={cn("size-4", eager && "relative size-8! rounded-full bg-black/55 p-2 text-white")} />
      ) : (
        <Film className={cn("size-4", isLive(task) && "animate-pulse")} />
      )}
    </span>
  );
}
