import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Badge, Status, When } from "@/ui/data";
import { Tip } from "@/ui/tip";
import { readReason, type Trouble, useTold } from "./told";

type Channel = Schemas["Channel"];

/** The state of a channel, and of its circuit when that keeps orders away. */
export function ChannelState({ channel: c }: { channel: Channel }) {
  const { t } = useTranslation();
  return (
    <span className="inline-flex flex-wrap items-center gap-1">
      <Status of={c.status} />
      {c.circuit !== "closed" && (
        <Tip text={t(`channels.circuitHint.${c.circuit}`)}>
          <span>
            <Badge tone={c.circuit === "open" ? "bad" : "warn"}>{t(`channels.circuit.${c.circuit}`)}</Badge>
          </span>
        </Tip>
      )}
    </span>
  );
}

/** How many tasks run, of how many may. The cap is counted by the upstream's models, so the bar is of the sum. */
export function LiveTasks({ channel: c, className }: { channel: Channel; className?: string }) {
  const { t } = useTranslation();
  const share = c.max_live > 0 ? Math.min(1, c.live_tasks / c.max_live) : 0;
  return (
    <Tip text={c.max_live > 0 ? t("channels.liveHint", { cap: format.number(c.max_live) }) : t("channels.noCap")}>
      <span className={cn("inline-block w-16", className)}>
        <span className="num block md:text-right">
          {format.number(c.live_tasks)}
          <span className="text-faint"> / {c.max_live > 0 ? format.number(c.max_live) : "∞"}</span>
        </span>
        <span className="mt-1 block h-1 overflow-hidden rounded-full bg-sunken" aria-hidden>
          <span
            className={cn("block h-full rounded-full", share >= 0.9 ? "bg-warn" : "bg-accent")}
            style={{ width: `${share * 100}%` }}
          />
        </span>
      </span>
    </Tip>
  );
}

/** The share of recent calls that were accepted. */
export function SuccessRate({ recent: r }: { recent: Schemas["RecentCalls"] }) {
  const { t } = useTranslation();
  if (r.success_rate == null) return <span className="text-faint">–</span>;
  return (
    <Tip text={t("channels.callsHint", { accepted: r.accepted, rejected: r.rejected, failed: r.failed })}>
      <span className={cn("num", r.success_rate < 0.8 ? "text-bad" : r.success_rate < 0.95 && "text-warn")}>
        {format.percent(r.success_rate)}
      </span>
    </Tip>
  );
}

/** What keeps a channel from working now, else what went wrong last. */
export function troubleOf(c: Channel): (Trouble & { at?: string; now: boolean; task?: string }) | null {
  if (c.reason) return { ...readReason(c.reason), advice: c.advice, at: c.reason_at, now: true };
  const e = c.recent.last_error;
  if (!e) return null;
  return {
    kind: e.kind,
    http: e.http_status,
    code: e.code,
    message: e.message,
    advice: e.advice,
    at: e.at,
    now: false,
    task: e.task_id,
  };
}

/** A failure: what it was, what the upstream said, and what to do. */
export function TroubleText({
  trouble,
  short,
  className,
}: {
  trouble: Trouble & { at?: string; now?: boolean };
  /** Two lines at most, for lists. */
  short?: boolean;
  className?: string;
}) {
  const told = useTold();
  const advice = told.advice(trouble);
  const http = trouble.http ? `HTTP ${trouble.http}` : "";
  // In a list the upstream's own number is enough.
  const marks = short ? trouble.code || http : [http, trouble.code].filter(Boolean).join(" · ");
  return (
    <div className={cn("min-w-0", className)}>
      <p className={cn("break-words", short && "line-clamp-2")} title={short ? trouble.message : undefined}>
        {trouble.kind && (
          <span className={cn("font-medium", trouble.now && "text-bad")}>{told.kind(trouble.kind)} </span>
        )}
        {marks && <span className="num text-faint">{marks} </span>}
        {!short && trouble.message}
        {short && !trouble.kind && trouble.message}
        {trouble.at && short && (
          <span className="text-faint">
            {"· "}
            <When at={trouble.at} ago />
          </span>
        )}
      </p>
      {advice && (
        <p className={cn("mt-0.5 text-soft", short && "line-clamp-2 text-xs")} title={short ? advice : undefined}>
          {advice}
        </p>
      )}
    </div>
  );
}

/** The kinds of a channel's keys, counted. */
export function KeyKinds({ keys }: { keys: Schemas["ChannelKey"][] }) {
  const { t } = useTranslation();
  const counts = new Map<string, number>();
  for (const k of keys) {
    const kind = k.problem ? "problem" : k.kind;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  if (keys.length === 0) return <span className="text-bad">{t("common.none")}</span>;
  return (
    <span className="inline-flex flex-wrap gap-1">
      {[...counts].map(([kind, n]) => (
        <KeyKind key={kind} kind={kind} count={n} short />
      ))}
    </span>
  );
}

export function KeyKind({ kind, count = 1, short }: { kind: string; count?: number; short?: boolean }) {
  const { t } = useTranslation();
  return (
    <Badge tone={kind === "problem" || kind === "unknown" ? "bad" : "neutral"}>
      {count > 1 && <span className="num">{count} × </span>}
      {short && kind === "ak_sk" ? (
        <abbr title={t("channels.keyKind.ak_sk")}>AK|SK</abbr>
      ) : (
        t(`channels.keyKind.${kind}`)
      )}
    </Badge>
  );
}
