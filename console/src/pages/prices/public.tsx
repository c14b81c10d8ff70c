import { Link } from "@tanstack/react-router";
import { Search, Tags } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { meQuery, queries } from "@/api/queries";
import { Preferences } from "@/layout/shell";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { Mark } from "@/ui/brand";
import { Button } from "@/ui/button";
import { Empty, Failure, Skeleton } from "@/ui/feedback";
import { Input } from "@/ui/form";
import { orderKey, useOrderText } from "./order";

type Price = Schemas["PublicPrice"];
const keys = ["q", "type"] as const;

/** A model's name without its mode, under which its prices stand together. */
function family(model: string) {
  return model.replace(/-(std|pro|4k)$/, "");
}

/** What orders cost, for anybody. */
export default function PublicPrices() {
  const { t } = useTranslation();
  const order = useOrderText();
  const [search, change] = useSearchState(keys);
  const prices = api.useQuery("get", "/api/prices/public");
  const signedIn = !!queries.getQueryData(meQuery.queryKey);
  useEffect(() => {
    document.title = `${t("nav.pricing")} · one-api`;
  }, [t]);
  const text = search.q?.trim().toLowerCase() ?? "";
  const shown = prices.data?.samples.filter(
    (s) =>
      (!text || `${s.order.model} ${s.order.type} ${order.type(s.order.type)}`.toLowerCase().includes(text)) &&
      (!search.type || s.order.type === search.type),
  );
  const models = new Map<string, Price[]>();
  for (const s of shown ?? []) {
    const name = family(s.order.model);
    models.set(name, [...(models.get(name) ?? []), s]);
  }
  const types = [...new Set(prices.data?.samples.map((s) => s.order.type))];
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="sticky top-0 z-30 flex h-14 items-center gap-2 border-line border-b bg-bg/90 px-4 backdrop-blur-md sm:px-6">
        <Link to="/" className="flex items-center gap-2.5 font-semibold text-base tracking-tight">
          <Mark className="size-6" />
          one-api
        </Link>
        <span className="flex-1" />
        <Preferences />
        <Button asChild look={signedIn ? "plain" : "primary"}>
          {signedIn ? <Link to="/">{t("prices.toConsole")}</Link> : <Link to="/sign-in">{t("entry.signIn")}</Link>}
        </Button>
      </header>
      <main className="mx-auto w-full max-w-[88rem] flex-1 px-4 pt-10 pb-16 sm:px-6 sm:pt-14">
        <div className="mx-auto max-w-2xl text-center">
          <h1 className="text-balance font-semibold text-3xl tracking-tight sm:text-4xl">{t("prices.publicTitle")}</h1>
          <p className="mt-3 text-balance text-base text-soft">{t("prices.publicLead")}</p>
          <div className="relative mx-auto mt-6 max-w-md">
            <Search
              className="pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2 text-faint"
              aria-hidden
            />
            <Input
              type="search"
              className="h-11! pl-9! text-base!"
              aria-label={t("prices.search")}
              placeholder={t("prices.search")}
              defaultValue={search.q ?? ""}
              onChange={(e) => change({ q: e.target.value || undefined })}
            />
          </div>
          <fieldset className="mt-4 flex flex-wrap justify-center gap-1.5">
            <legend className="sr-only">{t("prices.product")}</legend>
            {["", ...types].map((x) => (
              <button
                key={x}
                type="button"
                aria-pressed={(search.type ?? "") === x}
                onClick={() => change({ type: x || undefined })}
                className="rounded-full border border-line-strong bg-surface px-3 py-1 text-soft text-xs transition-colors hover:bg-sunken aria-pressed:border-accent aria-pressed:bg-accent-wash aria-pressed:text-accent-strong"
              >
                {x ? order.type(x) : t("prices.allTypes")}
              </button>
            ))}
          </fieldset>
        </div>
        <div className="mt-10">
          {prices.error ? (
            <Failure error={prices.error} retry={() => prices.refetch()} />
          ) : !shown ? (
            <div role="status" aria-label={t("common.loading")} className="grid gap-5 md:grid-cols-2 2xl:grid-cols-3">
              {["a", "b", "c", "d", "e", "f"].map((k) => (
                <Skeleton key={k} className="h-56 rounded-2xl!" />
              ))}
            </div>
          ) : models.size === 0 ? (
            <Empty icon={Tags} title={t(prices.data?.samples.length ? "common.noneFound" : "prices.publicNone")} />
          ) : (
            <div className="gap-5 md:columns-2 2xl:columns-3">
              {[...models].map(([name, list]) => (
                <ModelCard key={name} name={name} list={list} />
              ))}
            </div>
          )}
        </div>
        <p className="mx-auto mt-8 max-w-2xl text-center text-faint text-xs">{t("prices.publicFoot")}</p>
      </main>
    </div>
  );
}

/** The prices of a model: its products, and of each the orders with their modes. */
function ModelCard({ name, list }: { name: string; list: Price[] }) {
  const { t } = useTranslation();
  const order = useOrderText();
  const least = Math.min(...list.map((s) => s.price.quota));
  const types = [...new Set(list.map((s) => s.order.type))];
  return (
    <section className="mb-5 break-inside-avoid overflow-hidden rounded-2xl border border-line bg-surface">
      <header className="flex flex-wrap items-baseline justify-between gap-2 border-line border-b px-5 py-3.5">
        <h2 className="font-semibold text-base tracking-tight">{name}</h2>
        <span className="num text-faint text-xs">{t("prices.from", { amount: format.usd(least) })}</span>
      </header>
      <div className="divide-y divide-line">
        {types.map((type) => (
          <div key={type} className="px-5 py-3">
            <h3 className="text-faint text-xs">{order.type(type)}</h3>
            <ul className="mt-1.5 space-y-1">
              {list
                .filter((s) => s.order.type === type)
                .map((s) => (
                  <li key={orderKey(s.order)} className="flex items-baseline gap-2">
                    {s.order.model !== name && (
                      <span className="w-9 shrink-0 font-mono text-soft text-xs">
                        {s.order.model.slice(name.length + 1)}
                      </span>
                    )}
                    <span className="min-w-0 text-soft">{order.facts(s.order) || t("prices.perOrder")}</span>
                    <span className="mb-1 min-w-4 flex-1 border-line-strong border-b border-dotted" aria-hidden />
                    <span className="num font-medium">{format.usd(s.price.quota)}</span>
                  </li>
                ))}
            </ul>
          </div>
        ))}
      </div>
    </section>
  );
}
