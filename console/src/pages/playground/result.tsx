import { Link } from "@tanstack/react-router";
import { ArrowRight, Check, Loader2, X } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { cn } from "@/lib/cn";
import { Button } from "@/ui/button";
import { Card, Money, Status, When } from "@/ui/data";
import { Note } from "@/ui/feedback";
import { isLive, useLive } from "../tasks/live";
import { Player, PlayerActions } from "../tasks/player";
import { failure } from "../tasks/words";

type Task = Schemas["Task"];

/** The task that was just sent, as it comes along. */
export function Result({ sent }: { sent: Task }) {
  const { t } = useTranslation();
  const [task, setTask] = useState(sent);
  const current = task.id === sent.id ? task : sent;
  const read = api.useQuery("get", "/api/tasks/{id}", { params: { path: { id: sent.id } } }, { enabled: false });
  const took = (next: Task) => {
    setTask(next);
    if (!isLive(next)) void stale("/api/me", "/api/tasks", "/api/stats");
  };
  useLive([sent.id], took, async () => {
    const { data } = await read.refetch();
    if (data) took(data);
  });
  const steps = ["pending", "submitted", "processing", "succeed"];
  const at = current.status === "failed" ? 3 : steps.indexOf(current.status);
  return (
    <Card
      title={t("playground.result")}
      action={
        <Link
          to="/tasks/$id"
          params={{ id: current.id }}
          className="inline-flex items-center gap-1 text-accent-strong hover:underline"
        >
          {t("playground.openTask")}
          <ArrowRight className="size-4" aria-hidden />
        </Link>
      }
    >
      <div className="space-y-4" aria-live="polite">
        <ol className="flex items-center gap-2">
          {steps.map((s, i) => {
            const failed = i === 3 && current.status === "failed";
            const done = i < at || current.status === "succeed";
            return (
              <li
                key={s}
                className={cn(
                  "flex min-w-0 flex-1 items-center gap-1.5 border-t-2 pt-1.5 text-xs",
                  done
                    ? "border-ok text-ok"
                    : failed
                      ? "border-bad text-bad"
                      : i === at
                        ? "border-busy text-busy"
                        : "border-line text-faint",
                )}
              >
                {failed ? (
                  <X className="size-3.5 shrink-0" aria-hidden />
                ) : done ? (
                  <Check className="size-3.5 shrink-0" aria-hidden />
                ) : i === at ? (
                  <Loader2 className="size-3.5 shrink-0 animate-spin" aria-hidden />
                ) : null}
                <span className="truncate">{t(`status.${failed ? "failed" : s}`)}</span>
              </li>
            );
          })}
        </ol>
        {current.status === "failed" ? (
          <Note tone="bad" title={failure(t, current.fail_code)}>
            {current.fail_reason} {t("tasks.notCharged")}
          </Note>
        ) : (
          <Player key={`${current.id}${current.status}`} task={current} autoPlay />
        )}
        <div className="flex flex-wrap items-center justify-between gap-3">
          <span className="text-soft">
            {current.status === "succeed"
              ? t("tasks.charged")
              : current.status === "failed"
                ? t("tasks.free")
                : t("tasks.heldNow")}{" "}
            {current.status !== "failed" && (
              <Money
                quota={current.status === "succeed" ? current.charged : current.quota}
                className="font-semibold text-ink"
              />
            )}
          </span>
          <PlayerActions task={current} />
        </div>
      </div>
    </Card>
  );
}

/** The newest tasks of the reader. */
export function History({ me, onUse }: { me: number; onUse: (id: string) => void }) {
  const { t } = useTranslation();
  const { data } = api.useQuery("get", "/api/tasks", { params: { query: { user_id: me, limit: 8 } } });
  if (!data || data.items.length === 0) return null;
  return (
    <Card
      flush
      title={t("playground.history")}
      action={
        <Link to="/tasks" search={{ user_id: String(me) }} className="text-accent-strong hover:underline">
          {t("playground.allMine")}
        </Link>
      }
    >
      <ul className="divide-y divide-line">
        {data.items.map((k) => (
          <li key={k.id} className="flex items-center gap-3 px-4 py-2.5">
            <Status of={k.status} />
            <Link to="/tasks/$id" params={{ id: k.id }} className="min-w-0 flex-1 truncate hover:underline">
              {k.prompt || k.model}
            </Link>
            <span className="hidden text-faint text-xs sm:block">
              <When at={k.created_at} ago />
            </span>
            <Button size="sm" look="ghost" onClick={() => onUse(k.id)}>
              {t("playground.use")}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
