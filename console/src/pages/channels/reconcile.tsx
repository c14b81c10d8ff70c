import { Link } from "@tanstack/react-router";
import { Scale } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge, Card, Figure, Id, Money, When } from "@/ui/data";
import { Empty, Failure, Note, Skeleton } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { units } from "./packs";

type Cost = { unit: string; amount: string };
const keys = ["from", "to"] as const;

const pad = (n: number) => String(n).padStart(2, "0");
const monthOf = (d: Date) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}`;
const dayOf = (d: Date) => `${monthOf(d)}-${pad(d.getDate())}`;
/** The moment at which a day of the reader begins. */
const begin = (day: string, later = 0) => {
  const d = new Date(`${day}T00:00`);
  d.setDate(d.getDate() + later);
  return d;
};

/**
 * What the upstream billed beside what was charged here. The window stands in
 * the address as days, the last one included; the upstream is asked on demand.
 */
export function Reconcile({ id }: { id: number }) {
  const { t } = useTranslation();
  const [window, change] = useSearchState(keys);
  const now = new Date();
  const [from, setFrom] = useState(window.from ?? `${monthOf(now)}-01`);
  const [to, setTo] = useState(window.to ?? dayOf(now));
  const asked = !!window.from && !!window.to;
  const answer = api.useQuery(
    "get",
    "/api/channels/{id}/reconcile",
    {
      params: {
        path: { id },
        query: asked
          ? {
              from: begin(window.from ?? "").toISOString(),
              to: begin(window.to ?? "", 1).toISOString(),
            }
          : { from: "", to: "" },
      },
    },
    { enabled: asked, staleTime: 300_000, retry: false },
  );
  const compare = (a: string, b: string) => {
    setFrom(a);
    setTo(b);
    if (a === window.from && b === window.to) void answer.refetch();
    else change({ from: a, to: b });
  };
  const months = [0, 1, 2].map((back) => new Date(now.getFullYear(), now.getMonth() - back, 1));
  const days = from && to ? (begin(to, 1).getTime() - begin(from).getTime()) / 86_400_000 : 0;
  const wrong = !from || !to || days <= 0 ? "channels.windowOrder" : days > 93 ? "channels.windowLong" : undefined;
  return (
    <div className="space-y-4">
      <Card>
        <p className="max-w-3xl text-soft">{t("channels.reconcileLead")}</p>
        <form
          className="mt-3 flex flex-wrap items-end gap-3"
          onSubmit={(e) => {
            e.preventDefault();
            if (!wrong) compare(from, to);
          }}
        >
          <Field label={t("range.from")} className="w-40">
            <Input type="date" value={from} max={to} onChange={(e) => setFrom(e.target.value)} />
          </Field>
          <Field label={t("channels.lastDay")} className="w-40">
            <Input type="date" value={to} min={from} onChange={(e) => setTo(e.target.value)} />
          </Field>
          <Button look="primary" type="submit" busy={answer.isFetching} disabled={!!wrong}>
            {t("channels.compare")}
          </Button>
          <span className="flex flex-wrap gap-1.5">
            {months.map((m) => {
              const first = `${monthOf(m)}-01`;
              const end = new Date(m.getFullYear(), m.getMonth() + 1, 0).getTime();
              const last = dayOf(new Date(Math.min(end, now.getTime())));
              return (
                <Button key={first} look="ghost" disabled={answer.isFetching} onClick={() => compare(first, last)}>
                  {m.toLocaleDateString(t("channels.locale"), { month: "long", year: "numeric" })}
                </Button>
              );
            })}
          </span>
        </form>
        <p className="mt-2 text-faint text-xs">
          {wrong ? <span className="text-bad">{t(wrong)}</span> : `${t("channels.windowZone")} ${format.timeZone()}`}
        </p>
      </Card>
      {!asked ? (
        <Card>
          <Empty icon={Scale} title={t("channels.notCompared")}>
            {t("channels.notComparedHint")}
          </Empty>
        </Card>
      ) : answer.isPending ? (
        <div role="status" aria-label={t("common.loading")} className="space-y-3">
          <p className="text-soft">{t("channels.comparing")}</p>
          <Skeleton className="h-24 rounded-xl!" />
          <Skeleton className="h-48 rounded-xl!" />
        </div>
      ) : answer.error ? (
        <Card>
          <Failure error={answer.error} retry={() => answer.refetch()} />
        </Card>
      ) : (
        <Comparison of={answer.data} />
      )}
    </div>
  );
}

function Comparison({ of: r }: { of: Schemas["Reconciliation"] }) {
  const { t } = useTranslation();
  const charged = r.totals.reduce((sum, m) => sum + m.charged, 0);
  const cost = r.totals.reduce((sum, m) => sum + m.cost, 0);
  const known = r.totals.every((m) => m.cost_known);
  return (
    <>
      <Note
        tone={r.agree ? "ok" : "warn"}
        title={r.agree ? t("channels.agree") : t("channels.differ", { count: r.differences })}
      >
        {t("channels.billsLate")}
      </Note>
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Figure label={t("channels.ourTasks")} value={format.number(r.tasks)} note={t("channels.ourTasksNote")} />
        <Figure
          label={t("channels.theirCharges")}
          value={format.number(r.charges)}
          note={r.elsewhere > 0 ? t("channels.elsewhere", { count: r.elsewhere }) : t("channels.theirNote")}
        />
        <Figure label={t("channels.charged")} value={format.usd(charged)} />
        <Figure
          label={t("channels.margin")}
          value={format.usd(charged - cost)}
          note={known ? undefined : t("channels.costUnknown")}
          tone={charged < cost ? "bad" : undefined}
        />
      </div>
      <Card title={t("channels.totals")} flush>
        <Rows
          empty={t("channels.totalsNone")}
          heads={[
            t("common.model"),
            [t("channels.ourTasks")],
            [t("channels.theirCharges")],
            [t("channels.billed")],
            [t("channels.charged")],
            [t("channels.cost")],
            [t("channels.margin")],
          ]}
          rows={r.totals.map((m) => [
            m.model,
            m.model,
            [format.number(m.tasks)],
            [format.number(m.charges)],
            [<Costs key="b" of={m.billed} />],
            [<Money key="c" quota={m.charged} />],
            [
              <span key="k">
                <Money quota={m.cost} />
                {!m.cost_known && <span className="text-warn"> +?</span>}
              </span>,
            ],
            [<Money key="m" quota={m.margin} className={m.margin < 0 ? "text-bad" : undefined} />],
          ])}
        />
      </Card>
      <Card title={<Counted text={t("channels.upstreamOnly")} count={r.upstream_only.length} bad />} flush>
        <Meaning>{t("channels.upstreamOnlyHint")}</Meaning>
        <Rows
          empty={t("channels.noDifference")}
          heads={[
            t("channels.upstreamTask"),
            t("common.model"),
            t("channels.keyName"),
            t("channels.at"),
            [t("channels.billed")],
          ]}
          rows={r.upstream_only.map((u) => [
            u.upstream_task_id,
            <Id key="i">{u.upstream_task_id}</Id>,
            [u.model, u.product].filter(Boolean).join(" · "),
            u.api_key_name || "–",
            <When key="w" at={u.at} />,
            [<Costs key="c" of={u.costs} />],
          ])}
        />
      </Card>
      <Card
        title={<Counted text={t("channels.uncharged")} count={r.uncharged.filter((u) => !u.loss_booked).length} bad />}
        flush
      >
        <Meaning>{t("channels.unchargedHint")}</Meaning>
        <Rows
          empty={t("channels.noDifference")}
          heads={[t("channels.task"), t("common.model"), t("common.status"), t("channels.at"), [t("channels.billed")]]}
          rows={r.uncharged.map((u) => [
            u.task_id,
            <TaskLink key="i" id={u.task_id} />,
            u.model,
            <span key="s" className="inline-flex gap-1">
              {t(`status.${u.status}`, { defaultValue: u.status })}
              {u.loss_booked && <Badge>{t("channels.lossBooked")}</Badge>}
            </span>,
            <When key="w" at={u.at} />,
            [<Costs key="c" of={u.costs} />],
          ])}
        />
      </Card>
      <Card
        title={<Counted text={t("channels.unbilled")} count={r.unbilled.filter((u) => !u.recent).length} bad />}
        flush
      >
        <Meaning>{t("channels.unbilledHint")}</Meaning>
        <Rows
          empty={t("channels.noDifference")}
          heads={[t("channels.task"), t("common.model"), t("channels.settled"), "", [t("channels.charged")]]}
          rows={r.unbilled.map((u) => [
            u.task_id,
            <TaskLink key="i" id={u.task_id} />,
            u.model,
            <When key="w" at={u.settled_at} />,
            u.recent && <Badge key="r">{t("channels.recent")}</Badge>,
            [<Money key="m" quota={u.charged} />],
          ])}
        />
      </Card>
      <Card title={<Counted text={t("channels.amounts")} count={r.amounts.length} bad />} flush>
        <Meaning>{t("channels.amountsHint")}</Meaning>
        <Rows
          empty={t("channels.noDifference")}
          heads={[t("channels.task"), t("common.model"), [t("channels.stored")], [t("channels.billed")]]}
          rows={r.amounts.map((a) => [
            a.task_id,
            <TaskLink key="i" id={a.task_id} />,
            a.model,
            [<Costs key="s" of={a.stored} />],
            [<Costs key="b" of={a.billed} />],
          ])}
        />
      </Card>
    </>
  );
}

const TaskLink = ({ id }: { id: string }) => (
  <Link to="/tasks/$id" params={{ id }} className="font-mono text-xs hover:underline">
    {id}
  </Link>
);

const Meaning = ({ children }: { children: ReactNode }) => (
  <p className="max-w-3xl px-4 pt-3 pb-1 text-soft">{children}</p>
);

const Counted = ({ text, count, bad }: { text: string; count: number; bad?: boolean }) => (
  <span className="inline-flex items-center gap-2">
    {text}
    <Badge tone={count > 0 && bad ? "warn" : "neutral"}>{format.number(count)}</Badge>
  </span>
);

/** Amounts, each in its unit; the upstream does not always name one. */
function Costs({ of }: { of: Cost[] }) {
  const { t } = useTranslation();
  if (of.length === 0) return <span className="text-faint">–</span>;
  return (
    <span className="num">{of.map((c) => `${units(c.amount)} ${c.unit || t("channels.units")}`).join(" + ")}</span>
  );
}

type Cell = ReactNode | [ReactNode];

/** A short table. What is in brackets stands at the right; the first entry of a row is its key. */
function Rows({ heads, rows, empty }: { heads: Cell[]; rows: [string, ...Cell[]][]; empty: string }) {
  if (rows.length === 0) return <p className="px-4 py-3 text-faint">{empty}</p>;
  const right = (c: Cell) =>
    Array.isArray(c) ? "px-4 py-2 text-right whitespace-nowrap" : "px-4 py-2 whitespace-nowrap";
  const inside = (c: Cell) => (Array.isArray(c) ? c[0] : c);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div className="overflow-x-auto" tabIndex={0}>
      <table className="w-full border-collapse text-left">
        <thead>
          <tr className="border-line border-b text-soft text-xs">
            {heads.map((h, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
              <th key={i} scope="col" className={`${right(h)} font-medium`}>
                {inside(h)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([key, ...cells]) => (
            <tr key={key} className="border-line border-b last:border-0">
              {cells.map((c, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
                <td key={i} className={right(c)}>
                  {inside(c)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
