import { Link } from "@tanstack/react-router";
import { Download, ReceiptText } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { useIsAdmin } from "@/layout/session";
import { stringifySearch, useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge, Money, PageHead, When } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, MoreFilters, RangeFilter, SelectFilter } from "@/ui/filter";
import { Field, Input } from "@/ui/form";
import { UserInput } from "@/ui/inputs";
import { resolveRange } from "@/ui/range";
import { byCursor, type Column, List } from "@/ui/table";

type Entry = Schemas["LedgerEntry"];
const keys = ["kind", "user_id", "token_id", "task_id", "span", "since", "until"] as const;
const kinds = ["hold", "capture", "release", "topup", "grant", "redeem", "adjust", "loss"] as const;

/** What the address asks for, as the API takes it. */
function asked(search: { [k in (typeof keys)[number]]?: string }) {
  const { span, since, until, ...rest } = search;
  const out: Record<string, string | number> = {};
  for (const [k, v] of Object.entries({ ...rest, ...resolveRange({ span, since, until }) })) {
    if (v) out[k] = k === "user_id" || k === "token_id" ? Number(v) : v;
  }
  return out;
}

/** Every movement of money. */
export default function Ledger() {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const [search, change] = useSearchState(keys);
  const query = useMemo(() => asked(search), [search]);
  const rows = api.useInfiniteQuery(
    "get",
    "/api/ledger",
    { params: { query: { ...query, limit: 50 } as never } },
    byCursor,
  );
  const filtered = Object.keys(search).length > 0;
  const columns = useMemo<Column<Entry>[]>(
    () => [
      { id: "at", title: t("ledger.time"), phone: "head", cell: (e) => <When at={e.at} /> },
      {
        id: "kind",
        title: t("ledger.kind"),
        phone: "head",
        cell: (e) => (
          <span className="inline-flex items-center gap-1.5">
            <Badge
              tone={
                e.kind === "capture"
                  ? "accent"
                  : e.kind === "loss"
                    ? "bad"
                    : e.kind === "hold" || e.kind === "release"
                      ? "neutral"
                      : "ok"
              }
            >
              {t(`ledgerKind.${e.kind}`)}
            </Badge>
            {e.test && <Badge tone="warn">{t("common.test")}</Badge>}
          </span>
        ),
      },
      ...(admin
        ? [
            {
              id: "user",
              title: t("ledger.user"),
              cell: (e: Entry) =>
                e.user_id ? (
                  <Link to="/users/$id" params={{ id: String(e.user_id) }} className="hover:underline">
                    {e.user ?? `#${e.user_id}`}
                  </Link>
                ) : (
                  <span className="text-faint">{t("ledger.operator")}</span>
                ),
            },
          ]
        : []),
      {
        id: "available",
        title: t("ledger.balance"),
        right: true,
        cell: (e) => (e.available === 0 ? <span className="text-faint">–</span> : <Money quota={e.available} signed />),
      },
      {
        id: "held",
        title: t("ledger.held"),
        right: true,
        cell: (e) => (e.held === 0 ? <span className="text-faint">–</span> : <Money quota={e.held} />),
      },
      {
        id: "about",
        title: t("ledger.about"),
        phone: "wide",
        className: "max-w-80",
        cell: (e) => (
          <div className="min-w-0 break-words">
            {e.task_id && (
              <Link
                to="/tasks/$id"
                params={{ id: e.task_id }}
                className="font-mono text-accent-strong text-xs hover:underline"
              >
                {e.task_id.slice(0, 22)}…
              </Link>
            )}
            {e.memo && <span className="block">{e.memo}</span>}
          </div>
        ),
      },
      { id: "actor", title: t("ledger.actor"), extra: true, cell: (e) => e.actor ?? "–" },
      {
        id: "reference",
        title: t("ledger.reference"),
        extra: true,
        cell: (e) => <span className="break-all font-mono text-xs">{e.reference ?? "–"}</span>,
      },
      {
        id: "postings",
        title: t("ledger.postings"),
        extra: true,
        cell: (e) => (
          <ul className="text-xs">
            {e.postings.map((p) => (
              <li key={`${p.from}${p.to}`} className="whitespace-nowrap">
                {p.from} → {p.to}: <Money quota={p.amount} />
              </li>
            ))}
          </ul>
        ),
      },
    ],
    [t, admin],
  );
  return (
    <>
      <PageHead
        title={t("nav.ledger")}
        actions={
          <Button asChild>
            <a href={`/api/ledger.csv${stringifySearch(query)}`} download>
              <Download aria-hidden />
              {t("ledger.export")}
            </a>
          </Button>
        }
      >
        {t("ledger.lead")}
      </PageHead>
      <List
        name="ledger"
        caption={t("nav.ledger")}
        columns={columns}
        rows={rows}
        rowKey={(e) => e.id}
        toolbar={
          <>
            <SelectFilter
              label={t("ledger.kind")}
              value={search.kind}
              onChange={(kind) => change({ kind })}
              options={kinds.filter((k) => admin || k !== "loss").map((k) => [k, t(`ledgerKind.${k}`)] as const)}
            />
            <RangeFilter
              label={t("ledger.time")}
              value={search}
              onChange={(r) => change({ span: r.span, since: r.since, until: r.until })}
            />
            <MoreFilters count={[search.user_id, search.token_id, search.task_id].filter(Boolean).length}>
              {admin && (
                <Field label={t("ledger.user")}>
                  <UserInput value={search.user_id ?? ""} onChange={(id) => change({ user_id: id || undefined })} />
                </Field>
              )}
              <Field label={t("ledger.task")}>
                <Input
                  key={search.task_id}
                  defaultValue={search.task_id}
                  onBlur={(e) => change({ task_id: e.target.value.trim() || undefined })}
                />
              </Field>
              <Field label={t("ledger.token")}>
                <Input
                  key={search.token_id}
                  inputMode="numeric"
                  defaultValue={search.token_id}
                  onBlur={(e) =>
                    change({ token_id: /^\d+$/.test(e.target.value.trim()) ? e.target.value.trim() : undefined })
                  }
                />
              </Field>
            </MoreFilters>
            <ClearFilters
              active={filtered}
              onClear={() => change(Object.fromEntries(keys.map((k) => [k, undefined])))}
            />
          </>
        }
        empty={
          filtered ? (
            <Empty title={t("common.noneFound")} />
          ) : (
            <Empty icon={ReceiptText} title={t("ledger.none")}>
              {t("ledger.noneHint")}
            </Empty>
          )
        }
      />
    </>
  );
}
