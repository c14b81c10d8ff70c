import { Plus } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { type Column, List, whole } from "@/ui/table";
import { useOrderText } from "./order";
import { RuleAmount, RuleMatch } from "./rule-text";

type Rule = Schemas["Rule"];
const keys = ["q", "book", "type"] as const;

/** The rules of both books as they stand. */
export function Rules({
  query,
  onEdit,
  onAdd,
}: {
  query: { data: Schemas["Prices"] | undefined; error: unknown; isPending: boolean; refetch: () => unknown };
  onEdit: (rule: Rule) => void;
  onAdd: () => void;
}) {
  const { t } = useTranslation();
  const order = useOrderText();
  const [search, change] = useSearchState(keys);
  const text = search.q?.toLowerCase() ?? "";
  // Prices before costs; the gateway lists both by id.
  const rules = query.data && [...query.data.rules].sort((a, b) => b.book.localeCompare(a.book));
  const items = rules?.filter(
    (r) =>
      (!text || `${r.id} ${r.match.models?.join(" ")} ${r.source}`.toLowerCase().includes(text)) &&
      (!search.book || r.book === search.book) &&
      (!search.type || r.match.types?.includes(search.type)),
  );
  const types = [...new Set(query.data?.rules.flatMap((r) => r.match.types ?? []))];
  const columns: Column<Rule>[] = [
    {
      id: "id",
      title: t("prices.rule"),
      phone: "head",
      cell: (r) => (
        <button
          type="button"
          className="min-w-56 max-w-72 break-words text-left font-mono text-xs hover:underline"
          onClick={() => onEdit(r)}
        >
          {r.id}
        </button>
      ),
    },
    {
      id: "book",
      title: t("prices.bookLabel"),
      phone: "head",
      cell: (r) => <Badge tone={r.book === "price" ? "accent" : "neutral"}>{t(`prices.book.${r.book}`)}</Badge>,
    },
    {
      id: "amount",
      title: t("prices.amount"),
      phone: "wide",
      cell: (r) => <RuleAmount rule={r} className="min-w-44 max-w-md" />,
    },
    {
      id: "match",
      title: t("prices.for"),
      phone: "wide",
      cell: (r) => <RuleMatch rule={r} className="max-w-md" />,
    },
    {
      id: "source",
      title: t("prices.source"),
      extra: true,
      cell: (r) => <span className="block max-w-80 text-soft text-xs">{r.source}</span>,
    },
  ];
  const filtered = !!(search.q || search.book || search.type);
  return (
    <List
      name="price-rules"
      caption={t("prices.tab.rules")}
      columns={columns}
      rows={whole(query, items)}
      rowKey={(r) => r.id}
      onOpen={onEdit}
      toolbar={
        <>
          <SearchField label={t("prices.searchRules")} value={search.q} onChange={(q) => change({ q })} />
          <SelectFilter
            label={t("prices.bookLabel")}
            value={search.book}
            onChange={(book) => change({ book })}
            options={[
              ["price", t("prices.book.price")],
              ["cost", t("prices.book.cost")],
            ]}
          />
          <SelectFilter
            label={t("prices.product")}
            value={search.type}
            onChange={(type) => change({ type })}
            options={types.map((x) => [x, order.type(x)])}
          />
          <ClearFilters active={filtered} onClear={() => change({ q: undefined, book: undefined, type: undefined })} />
          <span className="flex-1" />
          <Button size="sm" onClick={onAdd}>
            <Plus aria-hidden />
            {t("prices.addRule")}
          </Button>
        </>
      }
      empty={<Empty title={t("common.noneFound")} />}
    />
  );
}
