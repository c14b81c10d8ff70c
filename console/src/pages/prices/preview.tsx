import { keepPreviousData } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Badge, Money } from "@/ui/data";
import { ErrorNote, Note, Skeleton } from "@/ui/feedback";
import { orderKey, useOrderText } from "./order";

export type Edit = { rules?: Schemas["Rule"][]; set?: Schemas["Rule"][]; remove?: string[] };

/** What an edit would do, asked anew when it has rested for a moment. ready tells that the answer is for the edit as it is. */
export function usePreview(edit: Edit | null, group?: string) {
  const now = edit ? JSON.stringify(edit) : "";
  const [rested, setRested] = useState(now);
  useEffect(() => {
    if (now === rested) return;
    const timer = setTimeout(() => setRested(now), 350);
    return () => clearTimeout(timer);
  }, [now, rested]);
  const query = api.useQuery(
    "post",
    "/api/prices/preview",
    { body: { ...((rested ? JSON.parse(rested) : {}) as Edit), group } },
    { enabled: !!rested, placeholderData: keepPreviousData, retry: false, staleTime: 5_000 },
  );
  return { query, ready: !!now && now === rested && !query.isFetching && !query.error };
}

const changed = (o: Schemas["PreviewedOrder"]) =>
  o.now.price?.quota !== o.then.price?.quota || o.now.cost?.quota !== o.then.cost?.quota;
const warningKey = (w: Schemas["PriceWarning"]) => `${w.code} ${w.model} ${w.type}`;

/** What an edit of prices changes for sample orders, and what is wrong with the result. */
export function PreviewOf({
  preview,
  known,
}: {
  preview: ReturnType<typeof usePreview>;
  /** Warnings that the prices have already. */
  known: Schemas["PriceWarning"][];
}) {
  const { t } = useTranslation();
  const order = useOrderText();
  const warn = useWarningText();
  const [all, setAll] = useState(false);
  const { query, ready } = preview;
  if (query.error) return <ErrorNote error={query.error} />;
  if (!query.data)
    return query.isPending && query.fetchStatus === "idle" ? null : <Skeleton className="h-40 rounded-lg!" />;
  const orders = query.data.orders.filter(changed);
  const old = new Set(known.map(warningKey));
  const fresh = query.data.warnings.filter((w) => !old.has(warningKey(w)));
  const shown = all ? orders : orders.slice(0, 8);
  return (
    <section
      aria-busy={!ready}
      aria-label={t("common.preview")}
      className={cn("space-y-3 transition-opacity", !ready && "opacity-60")}
    >
      <h3 className="font-medium">{t("prices.whatChanges", { count: orders.length })}</h3>
      {fresh.length > 0 && (
        <Note tone="warn" title={t("prices.newWarnings", { count: fresh.length })}>
          <ul className="list-disc space-y-0.5 pl-4">
            {fresh.slice(0, 6).map((w) => (
              <li key={warningKey(w)}>{warn(w)}</li>
            ))}
            {fresh.length > 6 && <li>{t("prices.andMore", { count: fresh.length - 6 })}</li>}
          </ul>
        </Note>
      )}
      {orders.length === 0 ? (
        <p className="text-soft">{t("prices.nothingChanges")}</p>
      ) : (
        <ul className="divide-y divide-line rounded-lg border border-line">
          {shown.map((o) => {
            const costs = o.now.cost?.quota !== o.then.cost?.quota;
            return (
              <li key={orderKey(o.order)} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2">
                <div className="min-w-0 flex-1 basis-44">
                  <p className="truncate font-mono text-xs">{o.order.model}</p>
                  <p className="text-soft text-xs">
                    {order.type(o.order.type)} · {order.facts(o.order)}
                  </p>
                </div>
                <div className="ml-auto space-y-0.5 text-right">
                  {o.now.price?.quota !== o.then.price?.quota && (
                    <Step from={o.now.price} to={o.then.price} difference={o.difference?.quota} />
                  )}
                  {costs && <Step label={t("prices.cost")} from={o.now.cost} to={o.then.cost} />}
                  {o.then.margin && (
                    <p className={cn("num text-xs", o.then.margin.quota < 0 ? "text-bad" : "text-faint")}>
                      {t("prices.marginOf", { amount: format.usd(o.then.margin.quota) })}
                    </p>
                  )}
                </div>
              </li>
            );
          })}
          {orders.length > shown.length && (
            <li>
              <button type="button" className="w-full px-3 py-2 text-soft hover:bg-sunken" onClick={() => setAll(true)}>
                {t("prices.showAll", { count: orders.length })}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

function Step({
  from,
  to,
  difference,
  label,
}: {
  from?: Schemas["Figure"];
  to?: Schemas["Figure"];
  difference?: number;
  label?: string;
}) {
  const { t } = useTranslation();
  const side = (f?: Schemas["Figure"]) =>
    f ? <Money quota={f.quota} /> : <span className="text-bad">{t("prices.noPrice")}</span>;
  return (
    <p className="flex items-center justify-end gap-1.5 whitespace-nowrap">
      {label && <span className="text-faint text-xs">{label}</span>}
      <span className="text-soft">{side(from)}</span>
      <ArrowRight className="size-3.5 text-faint" aria-label={t("prices.becomes")} />
      <span className="font-medium">{side(to)}</span>
      {difference !== undefined && difference !== 0 && (
        <Badge tone={difference > 0 ? "accent" : "warn"}>
          <span className="num">
            {difference > 0 ? "+" : ""}
            {format.usd(difference)}
          </span>
        </Badge>
      )}
    </p>
  );
}

/** A warning in the reader's language. */
export function useWarningText() {
  const { t } = useTranslation();
  const order = useOrderText();
  return (w: Schemas["PriceWarning"]) => {
    const where = { model: w.model, type: order.type(w.type) };
    const m = /^(?<seconds>\d+) s of \S+ for (?<price>\S+) USD cost (?<cost>\S+) USD/.exec(w.message);
    if (w.code === "below_cost" && m?.groups) {
      const { seconds, price = "", cost = "" } = m.groups;
      return t("prices.warning.below_cost", {
        ...where,
        seconds,
        price: format.dollars(price),
        cost: format.dollars(cost),
      });
    }
    return t(`prices.warning.${w.code === "no_price" ? "no_price" : "other"}`, { ...where, message: w.message });
  };
}
