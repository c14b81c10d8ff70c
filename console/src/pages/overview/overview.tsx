import { Link } from "@tanstack/react-router";
import { CircleCheckBig, KeyRound, Sparkles, TriangleAlert, Waypoints } from "lucide-react";
import type { ReactNode } from "react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { isAdmin, useMe } from "@/layout/session";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { Card, Figure, Money, PageHead, Status } from "@/ui/data";
import { Failure, Note, Skeleton } from "@/ui/feedback";
import { Segments } from "@/ui/form";
import { resolveRange } from "@/ui/range";
import { Bars, type Measure } from "./bars";

type Stats = Schemas["Stats"];
const keys = ["span", "test"] as const;
const spans = ["today", "24h", "7d", "30d", "90d"];

/** What is happening, what it cost, what is broken. All of it is one request. */
export default function Overview() {
  const { t } = useTranslation();
  const me = useMe();
  const admin = isAdmin(me);
  const [search, change] = useSearchState(keys);
  const span = search.span && spans.includes(search.span) ? search.span : "7d";
  const range = useMemo(() => resolveRange({ span }), [span]);
  const stats = api.useQuery(
    "get",
    "/api/stats",
    {
      params: { query: { since: range.since, tz: format.timeZone(), test: search.test === "1" || undefined } as never },
    },
    { refetchInterval: 15_000, placeholderData: (old) => old },
  );
  const s = stats.data;
  return (
    <>
      <PageHead
        title={t("nav.overview")}
        actions={
          <Segments
            label={t("overview.range")}
            value={span}
            onChange={(v) => change({ span: v === "7d" ? undefined : v })}
            options={spans.map((x) => [x, t(`overview.spans.${x}`)])}
          />
        }
      >
        {admin ? t("overview.lead") : t("overview.leadMine")}
      </PageHead>
      {stats.error && !s ? (
        <Failure error={stats.error} retry={() => stats.refetch()} />
      ) : !s ? (
        <Loading />
      ) : (
        <Shown s={s} admin={admin} span={span} test={search.test === "1"} />
      )}
    </>
  );
}

function Loading() {
  return (
    <div aria-hidden>
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-3 2xl:grid-cols-6">
        {[1, 2, 3, 4, 5, 6].map((n) => (
          <Skeleton key={n} className="h-24 rounded-xl!" />
        ))}
      </div>
      <Skeleton className="mt-4 h-72 rounded-xl!" />
    </div>
  );
}

function Shown({ s, admin, span, test }: { s: Stats; admin: boolean; span: string; test: boolean }) {
  const { t } = useTranslation();
  const [measure, setMeasure] = useState<Measure>("tasks");
  const range = { span, ...(test && { test: "true" }) };
  const live = s.live.reduce((n, l) => n + l.tasks, 0);
  const held = s.live.reduce((n, l) => n + l.held, 0);
  const margin = s.total.cost;
  const none = s.total.tasks === 0 && live === 0;
  return (
    <div className="space-y-4">
      <Attention s={s} admin={admin} />
      {none && <FirstSteps admin={admin} channels={s.health?.length ?? 0} />}
      <div
        className={cn(
          "grid grid-cols-2 gap-3",
          admin ? "lg:grid-cols-3 2xl:grid-cols-6" : "sm:grid-cols-3 lg:grid-cols-5",
        )}
      >
        <Figure
          label={t("overview.spend")}
          value={format.dollars(s.total.spend.usd)}
          note={t("overview.spendNote", { seconds: format.number(s.total.seconds) })}
          to="/ledger"
          search={{ kind: "capture", span }}
        />
        <Figure
          label={t("overview.tasks")}
          value={format.number(s.total.tasks)}
          note={t("overview.tasksNote", { count: s.total.failed })}
          to="/tasks"
          search={range}
        />
        <Figure
          label={t("overview.success")}
          value={s.total.success_rate === undefined ? "–" : format.percent(s.total.success_rate)}
          note={s.total.failed > 0 ? t("overview.seeFailed") : t("overview.noneFailed")}
          to="/tasks"
          search={{ ...range, status: "failed" }}
          tone={(s.total.success_rate ?? 1) < 0.8 ? "bad" : undefined}
        />
        <Figure
          label={t("overview.time")}
          value={s.total.succeeded ? format.duration(s.total.p50_seconds) : "–"}
          note={
            s.total.succeeded
              ? t("overview.timeNote", { p95: format.duration(s.total.p95_seconds) })
              : t("overview.noTime")
          }
          to="/tasks"
          search={{ ...range, status: "succeed" }}
        />
        {admin && margin && (
          <Figure
            label={t("overview.margin")}
            value={margin.tasks > 0 ? format.dollars(margin.margin_usd) : "–"}
            note={
              margin.tasks_unknown > 0
                ? t("overview.marginUnknown", { count: margin.tasks_unknown })
                : t("overview.marginNote", { cost: format.dollars(margin.usd) })
            }
            to="/prices"
            tone={margin.margin_usd.startsWith("-") ? "bad" : undefined}
          />
        )}
        <Figure
          label={t("overview.live")}
          value={format.number(live)}
          note={held > 0 ? t("overview.held", { amount: format.usd(held) }) : t("overview.nothingHeld")}
          to="/tasks"
          search={{ status: s.live[0]?.status ?? "processing" }}
        />
      </div>
      <Card
        title={t("overview.over", { unit: t(`overview.by.${s.interval}`) })}
        action={
          <Segments<Measure>
            label={t("overview.measure")}
            value={measure}
            onChange={setMeasure}
            options={[
              ["tasks", t("overview.tasks")],
              ["spend", t("overview.spend")],
            ]}
          />
        }
      >
        <Bars stats={s} measure={measure} test={test} />
      </Card>
      <div className="grid gap-4 lg:grid-cols-2 2xl:grid-cols-3">
        <Ranking title={t("overview.models")} rows={s.models} to={(r) => ({ ...range, model: r.name })} />
        {admin && (
          <Ranking title={t("overview.users")} rows={s.users ?? []} to={(r) => ({ ...range, user_id: String(r.id) })} />
        )}
        {admin && (
          <Ranking
            title={t("overview.channels")}
            rows={s.channels ?? []}
            to={(r) => ({ ...range, channel_id: String(r.id) })}
          />
        )}
        <Card title={t("overview.now")} flush>
          {s.live.length === 0 ? (
            <p className="px-4 py-6 text-center text-faint">{t("overview.nothingRuns")}</p>
          ) : (
            <ul className="divide-y divide-line">
              {s.live.map((l) => (
                <li key={l.status}>
                  <Link
                    to="/tasks"
                    search={{ status: l.status }}
                    className="flex items-center justify-between px-4 py-2.5 hover:bg-sunken"
                  >
                    <Status of={l.status} />
                    <span className="num">
                      {format.number(l.tasks)} <span className="ml-3 text-faint">{format.usd(l.held)}</span>
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </Card>
        {admin && <Health list={s.health ?? []} />}
      </div>
    </div>
  );
}

/** What needs somebody, with where to do it. */
function Attention({ s, admin }: { s: Stats; admin: boolean }) {
  const { t } = useTranslation();
  const notes: { key: string; title: ReactNode; text?: ReactNode; to: string; search?: Record<string, string> }[] = [];
  for (const c of s.health ?? []) {
    if (c.status === "broken")
      notes.push({
        key: `b${c.id}`,
        title: t("overview.broken", { name: c.name }),
        text: [c.reason, c.advice].filter(Boolean).join(" "),
        to: `/channels/${c.id}`,
      });
    else if (c.status === "enabled" && c.circuit !== "closed")
      notes.push({
        key: `c${c.id}`,
        title: t("overview.circuit", { name: c.name }),
        text: t("overview.circuitHint"),
        to: `/channels/${c.id}`,
      });
  }
  const waited = s.oldest_waiting ? (Date.now() - Date.parse(s.oldest_waiting.since)) / 1000 : 0;
  if (s.oldest_waiting && waited > 60) {
    notes.push({
      key: "w",
      title: t("overview.waiting", { time: format.duration(waited) }),
      text: admin ? t("overview.waitingHint") : undefined,
      to: `/tasks/${s.oldest_waiting.task_id}`,
    });
  }
  if (admin && s.total.cost?.margin_usd.startsWith("-"))
    notes.push({
      key: "m",
      title: t("overview.loss", { amount: format.dollars(s.total.cost.margin_usd) }),
      text: t("overview.lossHint"),
      to: "/prices",
    });
  if (s.complete_until)
    notes.push({ key: "u", title: t("overview.counting", { time: format.dateTime(s.complete_until) }), to: "/about" });
  if (notes.length === 0) return null;
  return (
    <ul className="space-y-2">
      {notes.map((n) => (
        <li key={n.key}>
          <Link to={n.to} search={n.search as never} className="block">
            <Note tone="warn" title={n.title} className="hover:brightness-[0.98]">
              {n.text}
            </Note>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** What a newcomer does first. */
function FirstSteps({ admin, channels }: { admin: boolean; channels: number }) {
  const { t } = useTranslation();
  const steps = [
    ...(admin ? [{ icon: Waypoints, key: "channel", to: "/channels", search: { new: "1" }, done: channels > 0 }] : []),
    { icon: Sparkles, key: "video", to: "/playground", search: {}, done: false },
    { icon: KeyRound, key: "token", to: "/tokens", search: { new: "1" }, done: false },
  ];
  return (
    <Card title={t("overview.first")}>
      <ol className="grid gap-3 md:grid-cols-3">
        {steps.map((x, i) => (
          <li key={x.key}>
            <Link
              to={x.to}
              search={x.search as never}
              className="flex h-full gap-3 rounded-lg border border-line p-3 hover:border-line-strong hover:bg-sunken"
            >
              {x.done ? (
                <CircleCheckBig className="size-5 shrink-0 text-ok" aria-label={t("common.done")} />
              ) : (
                <x.icon className="size-5 shrink-0 text-accent-strong" aria-hidden />
              )}
              <span>
                <span className="font-medium">
                  {i + 1}. {t(`overview.step.${x.key}`)}
                </span>
                <span className="block text-soft">{t(`overview.step.${x.key}Hint`)}</span>
              </span>
            </Link>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** Usage by a name, highest first, each leading to its tasks. */
function Ranking({
  title,
  rows,
  to,
}: {
  title: string;
  rows: Schemas["UsageOf"][];
  to: (r: Schemas["UsageOf"]) => Record<string, string>;
}) {
  const { t } = useTranslation();
  const top = rows.slice(0, 8);
  const most = Math.max(1, ...top.map((r) => r.spend.quota));
  return (
    <Card title={title} flush>
      {top.length === 0 ? (
        <p className="px-4 py-6 text-center text-faint">{t("overview.nothing")}</p>
      ) : (
        <ul className="py-1">
          {top.map((r) => (
            <li key={r.id ?? r.name}>
              <Link to="/tasks" search={to(r) as never} className="relative block px-4 py-2 hover:bg-sunken">
                <span className="flex items-baseline justify-between gap-4">
                  <span className="min-w-0 truncate">{r.name || (r.id ? `#${r.id}` : "–")}</span>
                  <Money quota={r.spend.quota} className="font-medium" />
                </span>
                <span className="mt-1 flex items-center gap-3">
                  <span className="h-1.5 flex-1 overflow-hidden rounded-full bg-sunken">
                    <span
                      className="block h-full rounded-full bg-accent"
                      style={{ width: `${Math.max(1, (100 * r.spend.quota) / most)}%` }}
                    />
                  </span>
                  <span className="num w-32 shrink-0 text-right text-faint text-xs">
                    {t("overview.tasksOf", { count: r.tasks })}
                    {r.success_rate !== undefined && ` · ${format.percent(r.success_rate)}`}
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Health({ list }: { list: Schemas["ChannelHealth"][] }) {
  const { t } = useTranslation();
  return (
    <Card title={t("overview.health")} flush>
      {list.length === 0 ? (
        <p className="px-4 py-6 text-center text-faint">{t("overview.noChannels")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {list.map((c) => (
            <li key={c.id}>
              <Link
                to="/channels/$id"
                params={{ id: String(c.id) }}
                className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 hover:bg-sunken"
              >
                <span className="min-w-0 flex-1 truncate">{c.name}</span>
                {c.circuit !== "closed" && (
                  <TriangleAlert className="size-4 text-warn" aria-label={t("overview.circuit", { name: c.name })} />
                )}
                <span className="num text-faint text-xs">
                  {c.live_tasks}
                  {c.max_live > 0 && ` / ${c.max_live}`} {t("overview.liveShort")}
                  {c.recent.success_rate !== undefined && ` · ${format.percent(c.recent.success_rate)}`}
                </span>
                <Status of={c.status} />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
