import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";

type Stats = Schemas["Stats"];
export type Measure = "tasks" | "spend";
type Bar = { from: Date; to: Date; usage?: Schemas["UsageAt"] };

/** The hours or days of a time, in the reader's zone, with and without tasks. */
export function buckets(s: Pick<Stats, "since" | "until" | "interval" | "series">): Bar[] {
  const out: Bar[] = [];
  const by = new Map(s.series.map((u) => [Date.parse(u.at), u]));
  const at = new Date(s.since);
  if (s.interval === "day") at.setHours(0, 0, 0, 0);
  else at.setMinutes(0, 0, 0);
  const end = Date.parse(s.until);
  while (at.getTime() < end && out.length < 800) {
    const from = new Date(at);
    if (s.interval === "day") at.setDate(at.getDate() + 1);
    else at.setTime(at.getTime() + 3600_000);
    out.push({ from, to: new Date(at), usage: by.get(from.getTime()) });
  }
  return out;
}

/** A round number at or above the highest bar. */
function ceiling(n: number): number {
  if (n <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  const step = [1, 2, 4, 5, 10].find((s) => s * power >= n) ?? 10;
  return Math.max(1, step * power);
}

/**
 * A bar for each hour or day, each a link to its tasks: it works by keyboard,
 * and the figures are read out. A chart drawn on a canvas would be neither, and
 * 20 kB more.
 */
export function Bars({ stats, measure, test }: { stats: Stats; measure: Measure; test: boolean }) {
  const { t } = useTranslation();
  const bars = buckets(stats);
  const [over, setOver] = useState<number | null>(null);
  const value = (b: Bar) => (b.usage ? (measure === "tasks" ? b.usage.tasks : b.usage.spend.quota) : 0);
  const top =
    measure === "tasks"
      ? Math.max(2, ceiling(Math.max(...bars.map(value), 0))) // half of it is a whole number too
      : ceiling(Math.max(...bars.map(value), 0) / format.quotaPerUSD) * format.quotaPerUSD;
  const label = (n: number) => (measure === "tasks" ? format.compact(n) : format.usd(Math.round(n)));
  const name = (b: Bar) => (stats.interval === "day" ? format.day(b.from) : format.shortTime(b.from));
  const every = Math.max(1, Math.ceil(bars.length / 8));
  const shown = over === null ? undefined : bars[over];

  return (
    <div>
      <p className="num mb-2 min-h-5 text-soft text-xs" aria-hidden>
        {shown ? (
          <>
            <span className="font-medium text-ink">{name(shown)}</span>
            {" · "}
            {t("overview.barTasks", { ok: shown.usage?.succeeded ?? 0, failed: shown.usage?.failed ?? 0 })}
            {" · "}
            {format.usd(shown.usage?.spend.quota ?? 0)}
          </>
        ) : (
          <span className="flex gap-4">
            {measure === "tasks" && (
              <>
                <Legend className="bg-chart-ok" text={t("status.succeed")} />
                <Legend className="bg-chart-bad" text={t("status.failed")} />
              </>
            )}
          </span>
        )}
      </p>
      <div className="flex gap-2">
        <div className="num flex h-52 w-12 shrink-0 flex-col justify-between text-right text-faint text-xs" aria-hidden>
          <span>{label(top)}</span>
          <span>{label(top / 2)}</span>
          <span>0</span>
        </div>
        <div className="min-w-0 flex-1">
          <div className="relative h-52 border-line border-b" onPointerLeave={() => setOver(null)}>
            <span className="absolute inset-x-0 top-0 border-line border-t border-dashed" aria-hidden />
            <span className="absolute inset-x-0 top-1/2 border-line border-t border-dashed" aria-hidden />
            <ul className="relative flex h-full items-end gap-px sm:gap-0.5" aria-label={t("overview.chart")}>
              {bars.map((b, i) => {
                const n = value(b);
                const failed = measure === "tasks" ? (b.usage?.failed ?? 0) : 0;
                return (
                  <li key={b.from.toISOString()} className="h-full min-w-0 flex-1">
                    <Link
                      to="/tasks"
                      search={{ since: b.from.toISOString(), until: b.to.toISOString(), ...(test && { test: "true" }) }}
                      aria-label={`${name(b)}: ${t("overview.barTasks", { ok: b.usage?.succeeded ?? 0, failed: b.usage?.failed ?? 0 })}, ${format.usd(b.usage?.spend.quota ?? 0)}`}
                      onPointerEnter={() => setOver(i)}
                      onFocus={() => setOver(i)}
                      onBlur={() => setOver(null)}
                      tabIndex={b.usage ? 0 : -1}
                      className={cn(
                        "flex h-full flex-col justify-end rounded-t-sm outline-offset-0 hover:bg-sunken",
                        over === i && "bg-sunken",
                      )}
                    >
                      {failed > 0 && (
                        <span
                          className="w-full rounded-t-sm bg-chart-bad"
                          style={{ height: `${(100 * failed) / top}%` }}
                        />
                      )}
                      <span
                        className={cn(
                          "w-full",
                          failed === 0 && "rounded-t-sm",
                          measure === "tasks" ? "bg-chart-ok" : "bg-accent",
                        )}
                        style={{ height: `${(100 * (n - failed)) / top}%`, minHeight: n - failed > 0 ? 2 : 0 }}
                      />
                    </Link>
                  </li>
                );
              })}
            </ul>
          </div>
          <div className="mt-1 flex text-faint text-xs" aria-hidden>
            {bars.map((b, i) => (
              <span key={b.from.toISOString()} className="min-w-0 flex-1">
                {i % every === 0 && (
                  <span className={cn("num block w-0 whitespace-nowrap", (i / every) % 2 === 1 && "max-sm:hidden")}>
                    {tick(b.from, stats.interval)}
                  </span>
                )}
              </span>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

const Legend = ({ className, text }: { className: string; text: string }) => (
  <span className="inline-flex items-center gap-1.5">
    <span className={cn("size-2 rounded-xs", className)} />
    {text}
  </span>
);

function tick(at: Date, interval: string): string {
  if (interval === "day") return format.monthDay(at);
  return at.getHours() === 0 ? format.monthDay(at) : format.hour(at);
}
