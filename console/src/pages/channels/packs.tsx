import { useTranslation } from "react-i18next";
import { ApiError, api, type Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Badge, Card, When } from "@/ui/data";
import { ErrorNote, Skeleton } from "@/ui/feedback";

/** A decimal of the upstream with its separators. */
export const units = (text: string) => (Number.isFinite(Number(text)) ? format.number(Number(text)) : text);

/** What all packs of an account that are in force still hold, and when the first of them ends. */
export function PacksLeft({ of }: { of: Schemas["Packs"] | undefined }) {
  const { t } = useTranslation();
  if (!of) return <span className="text-faint">–</span>;
  const now = Date.now();
  const live = of.items.filter((p) => !p.ends_at || Date.parse(p.ends_at) > now);
  if (live.length === 0) return <span className="text-faint">{t("common.none")}</span>;
  const sum = (f: (p: Schemas["Pack"]) => string) => live.reduce((n, p) => n + (Number(f(p)) || 0), 0);
  const left = sum((p) => p.remaining);
  const total = sum((p) => p.total);
  const ends = live.flatMap((p) => (p.ends_at ? [p.ends_at] : [])).sort()[0];
  return (
    <span className={cn("num", total > 0 && left / total < 0.1 && "text-bad")}>
      {format.compact(left)} <span className="text-faint">/ {format.compact(total)}</span>
      {ends && (
        <span className="block text-faint text-xs">
          {t("channels.packEnds")} <When at={ends} />
        </span>
      )}
    </span>
  );
}

/** What the account has bought in advance and not used. The upstream is asked when this is looked at. */
export function ResourcePacks({ id }: { id: number }) {
  const { t } = useTranslation();
  const packs = api.useQuery(
    "get",
    "/api/channels/{id}/packs",
    { params: { path: { id } } },
    { staleTime: 60_000, retry: false },
  );
  const none = packs.error instanceof ApiError && ["no_key", "no_bills"].includes(packs.error.code);
  return (
    <Card
      title={t("channels.packs")}
      action={
        packs.data && (
          <span className="text-faint text-xs">
            {t("channels.packsRead")} <When at={packs.data.read_at} ago />
          </span>
        )
      }
    >
      {packs.isPending ? (
        <div className="space-y-2">
          <Skeleton className="h-5" />
          <Skeleton className="h-5 w-2/3" />
        </div>
      ) : packs.error ? (
        none ? (
          <p className="text-soft">{t("channels.packsNone")}</p>
        ) : (
          <ErrorNote error={packs.error} retry={() => packs.refetch()} />
        )
      ) : packs.data.items.length === 0 ? (
        <p className="text-soft">{t("channels.packsEmpty")}</p>
      ) : (
        <>
          <ul className="space-y-3.5">
            {packs.data.items.map((p) => (
              <Pack key={p.id} pack={p} />
            ))}
          </ul>
          <p className="mt-3 text-faint text-xs">{t("channels.packsLag")}</p>
        </>
      )}
    </Card>
  );
}

function Pack({ pack: p }: { pack: Schemas["Pack"] }) {
  const { t } = useTranslation();
  const left = Number(p.total) > 0 ? Math.max(0, Math.min(1, Number(p.remaining) / Number(p.total))) : 0;
  const ended = !!p.ends_at && new Date(p.ends_at).getTime() < Date.now();
  return (
    <li className={cn(ended && "opacity-60")}>
      <div className="flex items-baseline justify-between gap-3">
        <span className="min-w-0 truncate font-medium" title={p.name}>
          {p.name}
        </span>
        <span className="num whitespace-nowrap">
          {units(p.remaining)} <span className="text-faint">/ {units(p.total)}</span>
        </span>
      </div>
      <div className="mt-1 h-1.5 overflow-hidden rounded-full bg-sunken" aria-hidden>
        <div
          className={cn("h-full rounded-full", left < 0.1 ? "bg-bad" : left < 0.25 ? "bg-warn" : "bg-ok")}
          style={{ width: `${left * 100}%` }}
        />
      </div>
      <div className="mt-1 flex flex-wrap items-center justify-between gap-2 text-soft text-xs">
        <Badge tone={p.status === "online" ? "ok" : "neutral"}>
          {t(`channels.packStatus.${p.status}`, { defaultValue: p.status })}
        </Badge>
        {p.ends_at && (
          <span>
            {t(ended ? "channels.packEnded" : "channels.packEnds")} <When at={p.ends_at} />
          </span>
        )}
      </div>
    </li>
  );
}
