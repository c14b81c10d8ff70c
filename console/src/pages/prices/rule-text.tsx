import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Badge } from "@/ui/data";
import { useOrderText } from "./order";

type Rule = Schemas["Rule"];

/** What a rule amounts to, as one would say it: "$0.60 for 5 s, × 1.2 for 16:9". */
export function RuleAmount({ rule: r, className }: { rule: Rule; className?: string }) {
  const { t } = useTranslation();
  const value = useFactValue();
  return (
    <div className={className}>
      <p className="num font-medium">
        {r.free
          ? t("prices.free")
          : t("prices.amountPer", { amount: format.dollars(r.amount), per: t(`prices.per.${r.per}`) })}
      </p>
      {r.factors?.map((f) => (
        <p key={f.by} className="text-soft text-xs">
          × {t(`prices.fact.${f.by}`)}:{" "}
          <span className="num">
            {Object.entries(f.values)
              .map(([v, n]) => `${value(f.by, v)} ${n}`)
              .join(t("prices.comma"))}
          </span>
        </p>
      ))}
    </div>
  );
}

/** A value of a fact in words; "none" and "*" have meanings of their own. */
export function useFactValue() {
  const { t } = useTranslation();
  const order = useOrderText();
  return (by: string, v: string) => {
    if (v === "*") return t("prices.otherValue");
    if (v === "none") return t("prices.noValue");
    if (by === "type") return order.type(v);
    if (by === "seconds") return `${v} s`;
    if (v === "on") return t("common.yes");
    if (v === "off") return t("common.no");
    return v;
  };
}

/** Which orders a rule is for. */
export function RuleMatch({ rule: r, className }: { rule: Rule; className?: string }) {
  const { t } = useTranslation();
  const order = useOrderText();
  const m = r.match;
  const flag = (name: "sound" | "voice" | "video_input") =>
    m[name] === undefined ? [] : [t(`prices.flag.${name}.${m[name] ? "on" : "off"}`)];
  const seconds = m.min_seconds || m.max_seconds ? [`${m.min_seconds || 0}–${m.max_seconds || "∞"} s`] : [];
  const facts = [
    ...(m.types ?? []).map(order.type),
    ...(m.modes ?? []),
    ...(m.resolutions ?? []),
    ...(m.aspect_ratios ?? []),
    ...flag("sound"),
    ...flag("voice"),
    ...flag("video_input"),
    ...seconds,
  ];
  return (
    <div className={cn("min-w-0", className)}>
      <p className="break-words font-mono text-xs">{m.models?.join(", ") || t("prices.anyModel")}</p>
      <p className="mt-1 flex flex-wrap gap-1">
        {facts.map((f) => (
          <Badge key={f}>{f}</Badge>
        ))}
        {!!r.priority && <Badge tone="accent">{t("prices.priorityOf", { priority: r.priority })}</Badge>}
      </p>
    </div>
  );
}

/** A rule before and after, for histories and previews. */
export function RuleChanges({ changes }: { changes: Schemas["RuleChange"][] }) {
  const { t } = useTranslation();
  if (changes.length === 0) return <p className="text-soft">{t("prices.noRuleChange")}</p>;
  return (
    <ul className="space-y-2">
      {changes.map((c) => {
        const matchSame = c.before && c.after && JSON.stringify(c.before.match) === JSON.stringify(c.after.match);
        const rule = c.after ?? c.before;
        return (
          <li key={c.id} className="rounded-lg border border-line px-3 py-2.5">
            <div className="flex flex-wrap items-center gap-2">
              <code className="break-all font-mono text-xs">{c.id}</code>
              {rule && <Badge>{t(`prices.book.${rule.book}`)}</Badge>}
              {!c.before && <Badge tone="ok">{t("prices.added")}</Badge>}
              {!c.after && <Badge tone="bad">{t("prices.removed")}</Badge>}
            </div>
            {matchSame && c.after && <RuleMatch rule={c.after} className="mt-1.5" />}
            <div className={cn("mt-2 grid gap-2", c.before && c.after && "sm:grid-cols-2")}>
              {c.before && (
                <div className="rounded-md bg-bad-wash px-2.5 py-1.5">
                  <span className="sr-only">{t("prices.before")}</span>
                  <RuleAmount rule={c.before} />
                  {!matchSame && <RuleMatch rule={c.before} className="mt-1.5" />}
                </div>
              )}
              {c.after && (
                <div className="rounded-md bg-ok-wash px-2.5 py-1.5">
                  <span className="sr-only">{t("prices.after")}</span>
                  <RuleAmount rule={c.after} />
                  {!matchSame && <RuleMatch rule={c.after} className="mt-1.5" />}
                </div>
              )}
            </div>
          </li>
        );
      })}
    </ul>
  );
}

/** What differs between two catalogues, by the ids of their rules. */
export function diffRules(before: Rule[], after: Rule[]): Schemas["RuleChange"][] {
  const old = new Map(before.map((r) => [r.id, r]));
  const out: Schemas["RuleChange"][] = [];
  for (const r of after) {
    const was = old.get(r.id);
    old.delete(r.id);
    if (!was || JSON.stringify(was) !== JSON.stringify(r)) out.push({ id: r.id, before: was, after: r });
  }
  for (const [id, before] of old) out.push({ id, before });
  return out;
}
