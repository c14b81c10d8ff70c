import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

type Task = Schemas["Task"];

export const isLive = (t: { status: string }) => t.status !== "succeed" && t.status !== "failed";

/** How often a task is read where events do not come through, such as behind some proxies. */
const pollEvery = 5000;

function watchVisible(told: () => void) {
  document.addEventListener("visibilitychange", told);
  return () => document.removeEventListener("visibilitychange", told);
}

/**
 * Whether the page is looked at. Over plain HTTP browsers open six connections
 * to a gateway: tabs in the background must not keep one each.
 */
const useVisible = () => useSyncExternalStore(watchVisible, () => document.visibilityState === "visible");

/**
 * Tells of tasks as they change: the given ones, or without ids those among the
 * newest. It follows server-sent events; where these fail it has `poll` called
 * now and then instead.
 */
export function useLive(ids: string[] | null, told: (t: Task) => void, poll: () => void, on = true) {
  const latest = useRef({ told, poll });
  latest.current = { told, poll };
  const key = ids?.join(",");
  const visible = useVisible();
  const active = on && visible && (ids === null || ids.length > 0);
  useEffect(() => {
    if (!active) return;
    let source: EventSource | undefined;
    let polling: ReturnType<typeof setInterval> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const open = () => {
      source = new EventSource(`/api/tasks/events${key ? `?ids=${encodeURIComponent(key)}` : ""}`);
      source.addEventListener("open", () => {
        failures = 0;
        clearInterval(polling);
        polling = undefined;
      });
      source.addEventListener("task", (e) => latest.current.told(JSON.parse((e as MessageEvent<string>).data) as Task));
      source.addEventListener("done", () => source?.close());
      source.addEventListener("error", () => {
        // The browser itself opens a stream again that broke off; what was refused it gives up.
        failures += 1;
        polling ??= setInterval(() => latest.current.poll(), pollEvery);
        if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, Math.min(60_000, 2000 * 2 ** failures));
      });
    };
    open();
    return () => {
      source?.close();
      clearInterval(polling);
      clearTimeout(again);
    };
  }, [active, key]);
}

/** Rows with what has changed since they were read. */
export function useLiveRows(rows: Task[], followNewest: boolean, refetch: () => void) {
  const [changed, setChanged] = useState<ReadonlyMap<string, Task>>(new Map());
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const known = new Set(rows.map((r) => r.id));
  const newest = rows[0]?.created_at ?? "";
  const live = rows.filter((r) => isLive(changed.get(r.id) ?? r)).map((r) => r.id);
  useLive(
    followNewest ? null : live.slice(0, 100),
    (t) => {
      if (known.has(t.id)) setChanged((c) => new Map(c).set(t.id, t));
      else if (followNewest && t.created_at > newest) setFresh((f) => new Set(f).add(t.id));
    },
    refetch,
  );
  return {
    of: (t: Task) => {
      const c = changed.get(t.id);
      // A row that was read again may be newer than what was told before.
      return c && !(isLive(c) && !isLive(t)) ? c : t;
    },
    /** How many tasks were made since the list was read. */
    fresh: [...fresh].filter((id) => !known.has(id)).length,
  };
}
