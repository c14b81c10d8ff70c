import { TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge, Money } from "@/ui/data";
import { Empty, Note } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { type Column, List, whole } from "@/ui/table";
import { Tip } from "@/ui/tip";
import { orderKey, useOrderText } from "./order";
import { useWarningText } from "./preview";
import { PriceSheet } from "./simple";

type Sample = Schemas["PricedOrder"];
type Prices = Schemas["Prices"];
const keys = ["q", "type", "warn", "group"] as const;

/** The catalogue by model: what an order brings and what it costs. */
export function Models({
  query,
  onRule,
}: {
  query: { data: Prices | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  onRule: (rule: Schemas["Rule"]) => void;
}) {
  const { t } = useTranslation();
  const order = useOrderText();
  const warn = useWarningText();
  const [search, change] = useSearchState(keys);
  const [chosen, setChosen] = useState<Sample | null>(null);
  const prices = query.data;
  const warnings = useMemo(() => new Map(prices?.warnings.map((w) => [`${w.model} ${w.type}`, w])), [prices]);
  const warningOf = (s: Sample) => warnings.get(`${s.order.model} ${s.order.type}`);
  const text = search.q?.toLowerCase() ?? "";
  const items = prices?.samples.filter(
    (s) =>
      (!text || `${s.order.model} ${order.type(s.order.type)} ${s.order.type}`.toLowerCase().includes(text)) &&
      (!search.type || s.order.type === search.type) &&
      (!search.warn || warningOf(s)),
  );
  const types = [...new Set(prices?.samples.map((s) => s.order.type))];

  const columns: Column<Sample>[] = [
    {
      id: "model",
      title: t("common.model"),
      phone: "head",
      cell: (s) => (
        <button
          type="button"
          className="whitespace-nowrap text-left font-medium hover:underline"
          onClick={() => setChosen(s)}
        >
          {s.order.model}
        </button>
      ),
    },
    {
      id: "type",
      title: t("prices.product"),
      cell: (s) => <span className="whitespace-nowrap">{order.type(s.order.type)}</span>,
    },
    {
      id: "order",
      title: t("prices.sample"),
      cell: (s) => <span className="whitespace-nowrap text-soft">{order.facts(s.order) || "–"}</span>,
    },
    {
      id: "warning",
      title: t("prices.warnings"),
      phone: "head",
      cell: (s) => {
        const w = warningOf(s);
        return (
          w && (
            <Tip text={warn(w)}>
              <span>
                <Badge tone={w.code === "no_price" ? "bad" : "warn"}>{t(`prices.warningName.${w.code}`)}</Badge>
              </span>
            </Tip>
          )
        );
      },
    },
    {
      id: "price",
      title: t("prices.price"),
      right: true,
      cell: (s) =>
        s.price ? (
          <Money quota={s.price.quota} className="font-medium" />
        ) : (
          <span className="whitespace-nowrap text-bad">{t("prices.noPrice")}</span>
        ),
    },
    {
      id: "cost",
      title: t("prices.cost"),
      right: true,
      cell: (s) =>
        s.cost ? <Money quota={s.cost.quota} /> : <span className="text-faint">{t("prices.unknown")}</span>,
    },
    {
      id: "margin",
      title: t("prices.margin"),
      right: true,
      cell: (s) =>
        s.margin ? (
          <Money quota={s.margin.quota} className={s.margin.quota < 0 ? "text-bad" : undefined} />
        ) : (
          <span className="text-faint">–</span>
        ),
    },
    {
      id: "share",
      title: t("prices.marginShare"),
      right: true,
      cell: (s) =>
        s.margin && s.price && s.price.quota > 0 ? (
          <span className={cn("num", s.margin.quota < 0 && "text-bad")}>
            {format.percent(s.margin.quota / s.price.quota)}
          </span>
        ) : (
          <span className="text-faint">–</span>
        ),
    },
    {
      id: "rule",
      title: t("prices.rule"),
      extra: true,
      cell: (s) => <span className="font-mono text-xs">{s.price?.rule ?? "–"}</span>,
    },
  ];
  const filtered = !!(search.q || search.type || search.warn);
  return (
    <>
      {prices && prices.warnings.length > 0 && (
        <Note
          tone="warn"
          className="mb-4"
          title={t("prices.warningCount", { count: prices.warnings.length })}
          action={
            <Button size="sm" onClick={() => change({ warn: search.warn ? undefined : "1" })}>
              {t(search.warn ? "prices.showEvery" : "prices.showThese")}
            </Button>
          }
        >
          <ul className="list-disc space-y-0.5 pl-4">
            {prices.warnings.slice(0, 3).map((w) => (
              <li key={`${w.model} ${w.type}`}>{warn(w)}</li>
            ))}
            {prices.warnings.length > 3 && <li>{t("prices.andMore", { count: prices.warnings.length - 3 })}</li>}
          </ul>
        </Note>
      )}
      <List
        name="prices"
        caption={t("prices.tab.models")}
        columns={columns}
        rows={whole(query, items)}
        rowKey={(s) => orderKey(s.order)}
        onOpen={setChosen}
        toolbar={
          <>
            <SearchField label={t("prices.search")} value={search.q} onChange={(q) => change({ q })} />
            <SelectFilter
              label={t("prices.product")}
              value={search.type}
              onChange={(type) => change({ type })}
              options={types.map((x) => [x, order.type(x)])}
            />
            <Button
              size="sm"
              aria-pressed={!!search.warn}
              className={cn("font-normal!", search.warn && "border-accent! text-accent-strong!")}
              onClick={() => change({ warn: search.warn ? undefined : "1" })}
            >
              <TriangleAlert aria-hidden />
              {t("prices.onlyWarnings")}
            </Button>
            <ClearFilters
              active={filtered}
              onClear={() => change({ q: undefined, type: undefined, warn: undefined })}
            />
          </>
        }
        empty={<Empty title={t("common.noneFound")} />}
      />
      {chosen && prices && (
        <PriceSheet
          prices={prices}
          sample={chosen}
          group={search.group}
          onClose={() => setChosen(null)}
          onRule={(rule) => {
            setChosen(null);
            onRule(rule);
          }}
        />
      )}
    </>
  );
}
