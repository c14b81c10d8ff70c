import { ArrowUpRight, BadgeCheck, CircleX, Clock3, Inbox, PhoneIncoming, Radar, Send, Webhook } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Code, Id, When } from "@/ui/data";
import { happened } from "./words";

type Entry = Schemas["TimelineEntry"];

const icons = {
  accepted: Inbox,
  attempt: Send,
  submitted: ArrowUpRight,
  callback: PhoneIncoming,
  polls: Radar,
  settled: BadgeCheck,
  late: Clock3,
  webhook: Webhook,
};

function tone(e: Entry, task: Schemas["TaskPage"]): string {
  if (e.kind === "settled") return task.status === "succeed" ? "bg-ok-wash text-ok" : "bg-bad-wash text-bad";
  if (e.outcome === "refused" || e.outcome === "failed" || (e.code ?? 0) > 0) return "bg-bad-wash text-bad";
  if (e.outcome === "unsure" || e.kind === "late") return "bg-warn-wash text-warn";
  if (e.outcome === "accepted" || e.outcome === "delivered") return "bg-ok-wash text-ok";
  return "bg-sunken text-soft";
}

/** What happened to a task, with how long after it was accepted. */
export function Timeline({ task, admin }: { task: Schemas["TaskPage"]; admin: boolean }) {
  const { t } = useTranslation();
  const began = Date.parse(task.timeline[0]?.at ?? task.created_at);
  return (
    <ol className="relative">
      {task.timeline.map((e, i) => {
        const Icon = e.kind === "settled" && task.status === "failed" ? CircleX : icons[e.kind];
        const after = (Date.parse(e.at) - began) / 1000;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the order is all that tells two alike apart
          <li key={i} className="relative flex gap-3 pb-4 last:pb-0">
            {i < task.timeline.length - 1 && (
              <span className="absolute top-8 bottom-0 left-3.5 w-px bg-line" aria-hidden />
            )}
            <span className={cn("z-10 flex size-7 shrink-0 items-center justify-center rounded-full", tone(e, task))}>
              <Icon className="size-3.5" aria-hidden />
            </span>
            <div className="min-w-0 flex-1 pt-0.5">
              <div className="flex flex-wrap items-baseline justify-between gap-x-4">
                <p className="min-w-0 break-words">{happened(t, e, task)}</p>
                <p className="num text-faint text-xs">
                  <When at={e.at} />
                  {after >= 0.001 && <span className="ml-2">+{format.duration(after)}</span>}
                </p>
              </div>
              {admin && <Detail e={e} />}
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** What only those who run the gateway see. */
function Detail({ e }: { e: Entry }) {
  const { t } = useTranslation();
  const parts = [
    e.channel && `${t("tasks.channel")} ${e.channel}`,
    e.http_status ? `HTTP ${e.http_status}` : "",
    e.code ? t("tasks.code", { code: e.code }) : "",
    e.took_ms ? format.duration(e.took_ms / 1000) : "",
    e.kind === "webhook" && e.tries ? t("tasks.tries", { count: e.tries }) : "",
    e.kind === "callback" ? (e.signed ? t("tasks.signed") : t("tasks.unsigned")) : "",
  ].filter(Boolean);
  if (parts.length === 0 && !e.message && !e.body && !e.upstream_task_id) return null;
  return (
    <div className="mt-0.5 space-y-1 text-faint text-xs">
      {parts.length > 0 && <p>{parts.join(" · ")}</p>}
      {e.upstream_task_id && (
        <p className="flex items-center gap-1">
          {t("tasks.upstreamID")} <Id className="text-soft">{e.upstream_task_id}</Id>
        </p>
      )}
      {e.message && <p className="break-words text-soft">{e.message}</p>}
      {e.body && (
        <details>
          <summary>{t("tasks.body")}</summary>
          <Code className="mt-1" wrap>
            {e.body}
          </Code>
        </details>
      )}
    </div>
  );
}
