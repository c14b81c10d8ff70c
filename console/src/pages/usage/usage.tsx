import { Link } from "@tanstack/react-router";
import { Ticket } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useIsAdmin, useMe } from "@/layout/session";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Card, Figure, PageHead } from "@/ui/data";
import { Empty, ErrorNote, Failure, Skeleton } from "@/ui/feedback";
import { RangeFilter } from "@/ui/filter";
import { Input, Segments } from "@/ui/form";
import { UserInput } from "@/ui/inputs";
import { resolveRange } from "@/ui/range";
import { Bars, type Measure } from "../overview/bars";
import { Months } from "./months";

const keys = ["span", "since", "until", "user_id", "tag", "by"] as const;

/** What was spent, by day, by model and by tag; and the account by months. */
export default function Usage() {
  const { t } = useTranslation();
  const me = useMe();
  const admin = useIsAdmin();
  const [search, change] = useSearchState(keys);
  const [measure, setMeasure] = useState<Measure>("spend");
  const time = useMemo(
    () =>
      search.since || search.until ? { since: search.since, until: search.until } : { span: search.span ?? "30d" },
    [search],
  );
  const range = useMemo(() => resolveRange(time), [time]);
  const userID = search.user_id ? Number(search.user_id) : undefined;
  const query = { ...range, user_id: userID };
  const stats = api.useQuery(
    "get",
    "/api/stats",
    { params: { query: { ...query, tz: format.timeZone() } as never } },
    { placeholderData: (old) => old },
  );
  const s = stats.data;
  return (
    <>
      <PageHead
        title={t("nav.usage")}
        actions={
          <>
            {admin && (
              <div className="w-52">
                <UserInput
                  label={t("usage.user")}
                  value={search.user_id ?? ""}
                  onChange={(id) => change({ user_id: id || undefined })}
                  placeholder={t("usage.everybody")}
                />
              </div>
            )}
            <RangeFilter
              required
              label={t("usage.time")}
              value={time}
              onChange={(r) => change({ span: r.span, since: r.since, until: r.until })}
            />
          </>
        }
      >
        {admin ? t("usage.leadAdmin") : t("usage.lead")}
      </PageHead>
      <div className="space-y-4">
        <div className="grid items-stretch gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
          <div className="grid grid-cols-2 gap-3">
            <Figure
              label={t("usage.balance")}
              value={format.usd(me.available)}
              note={
                me.held > 0
                  ? t("shell.held", { amount: format.usd(me.held) })
                  : t("common.quotaAmount", { quota: format.number(me.available) })
              }
              to="/ledger"
              search={{ user_id: String(me.id) }}
            />
            <Figure
              label={t("overview.spend")}
              value={s ? format.dollars(s.total.spend.usd) : "…"}
              note={s ? t("overview.tasksOf", { count: s.total.tasks }) : ""}
              to="/tasks"
              search={search.span ? { span: search.span } : {}}
            />
          </div>
          <Redeem />
        </div>
        {stats.error && !s ? (
          <Failure error={stats.error} retry={() => stats.refetch()} />
        ) : !s ? (
          <Skeleton className="h-80 rounded-xl!" />
        ) : (
          <Card
            title={t("overview.over", { unit: t(`overview.by.${s.interval}`) })}
            action={
              <Segments<Measure>
                label={t("overview.measure")}
                value={measure}
                onChange={setMeasure}
                options={[
                  ["spend", t("overview.spend")],
                  ["tasks", t("overview.tasks")],
                ]}
              />
            }
          >
            <Bars stats={s} measure={measure} test={false} />
          </Card>
        )}
        <div className="grid items-start gap-4 xl:grid-cols-2">
          {s && (
            <Table
              title={t("usage.byModel")}
              head={t("tasks.model")}
              rows={s.models.map((m) => ({ ...m, key: m.name, to: { model: m.name, ...time } }))}
            />
          )}
          <Tags query={query} tag={search.tag} onTag={(tag) => change({ tag })} />
        </div>
        <Months userID={userID} />
      </div>
    </>
  );
}

type Row = Schemas["Usage"] & { key: string; to?: Record<string, string | undefined>; open?: () => void };

function Table({
  title,
  head,
  rows,
  action,
  note,
}: {
  title: React.ReactNode;
  head: string;
  rows: Row[];
  action?: React.ReactNode;
  note?: string;
}) {
  const { t } = useTranslation();
  return (
    <Card title={title} action={action} flush>
      {rows.length === 0 ? (
        <Empty title={t("overview.nothing")} />
      ) : (
        <div className="max-h-112 overflow-auto">
          <table className="w-full">
            <thead>
              <tr className="border-line border-b text-left text-soft text-xs">
                <th className="px-4 py-2 font-medium">{head}</th>
                <th className="px-3 py-2 text-right font-medium">{t("overview.tasks")}</th>
                <th className="px-3 py-2 text-right font-medium">{t("overview.success")}</th>
                <th className="px-3 py-2 text-right font-medium">{t("usage.seconds")}</th>
                <th className="px-4 py-2 text-right font-medium">{t("overview.spend")}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((r) => (
                <tr key={r.key} className="border-line border-b last:border-0">
                  <td className="px-4 py-2">
                    {r.open ? (
                      <button type="button" onClick={r.open} className="text-left hover:underline">
                        {r.key}
                      </button>
                    ) : r.to ? (
                      <Link to="/tasks" search={r.to as never} className="hover:underline">
                        {r.key}
                      </Link>
                    ) : (
                      <span className="text-soft">{t("usage.rest")}</span>
                    )}
                  </td>
                  <td className="num px-3 py-2 text-right">{format.number(r.tasks)}</td>
                  <td className={cn("num px-3 py-2 text-right", (r.success_rate ?? 1) < 0.8 && "text-bad")}>
                    {r.success_rate === undefined ? "–" : format.percent(r.success_rate)}
                  </td>
                  <td className="num px-3 py-2 text-right">{format.number(r.seconds)}</td>
                  <td className="num px-4 py-2 text-right font-medium">{format.dollars(r.spend.usd)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {note && <p className="px-4 py-2 text-soft text-xs">{note}</p>}
    </Card>
  );
}

/** Spend by the names of tags, and by the values of one. */
function Tags({
  query,
  tag,
  onTag,
}: {
  query: { since?: string; until?: string; user_id?: number };
  tag?: string;
  onTag: (tag: string | undefined) => void;
}) {
  const { t } = useTranslation();
  const { data, error, refetch } = api.useQuery(
    "get",
    "/api/stats/tags",
    { params: { query: { ...query, tag } as never } },
    { placeholderData: (old) => old },
  );
  if (error) {
    return (
      <Card title={t("usage.byTag")}>
        <Failure error={error} retry={() => refetch()} />
      </Card>
    );
  }
  if (!data) return <Skeleton className="h-48 rounded-xl!" />;
  const rows: Row[] = data.items.map((i) =>
    tag
      ? { ...i, key: i.value ?? "", to: { tag: `${tag}=${i.value ?? ""}` } }
      : { ...i, key: i.tag, open: () => onTag(i.tag) },
  );
  if (data.rest) rows.push({ ...data.rest, key: "\n" });
  return (
    <Table
      title={tag ? `${t("usage.byTag")}: ${tag}` : t("usage.byTag")}
      head={tag ?? t("usage.tag")}
      rows={rows}
      note={data.complete_until && t("overview.counting", { time: format.dateTime(data.complete_until) })}
      action={
        tag && (
          <Button look="link" onClick={() => onTag(undefined)}>
            {t("usage.allTags")}
          </Button>
        )
      }
    />
  );
}

/** Takes a redemption code. */
function Redeem() {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const redeem = async () => {
    setBusy(true);
    setError(null);
    try {
      const { data } = await client.POST("/api/redemptions/redeem", { body: { code: code.trim() } });
      if (data)
        toast.success(
          t("usage.redeemed", {
            amount: format.dollars(data.credited.usd),
            balance: format.usd(data.balance.available),
          }),
        );
      setCode("");
      await stale("/api/me", "/api/ledger", "/api/redemptions");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title={t("usage.redeem")}>
      <form
        className="flex flex-wrap items-start gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          if (code.trim()) void redeem();
        }}
      >
        <Input
          aria-label={t("usage.code")}
          placeholder={t("usage.code")}
          value={code}
          onChange={(e) => setCode(e.target.value)}
          autoComplete="off"
          spellCheck={false}
          className="min-w-0 flex-1 basis-40 font-mono"
        />
        <Button type="submit" busy={busy} disabled={!code.trim()}>
          <Ticket aria-hidden />
          {t("usage.redeemIt")}
        </Button>
      </form>
      {error != null && <ErrorNote error={error} className="mt-3" />}
    </Card>
  );
}
