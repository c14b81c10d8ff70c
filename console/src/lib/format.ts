import i18n from "i18next";

/** Quota of one US dollar. */
export const quotaPerUSD = 500_000;

const locale = () => i18n.language || "en";

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();
function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  key: string,
  make: () => T,
): T {
  const k = `${locale()} ${key}`;
  let f = cache.get(k) as T | undefined;
  if (!f) {
    f = make();
    cache.set(k, f);
  }
  return f;
}

/** A whole number with its separators. */
export function number(n: number): string {
  return cached("n", () => new Intl.NumberFormat(locale())).format(n);
}

/** A large number in few characters: 12.3K. */
export function compact(n: number): string {
  return cached("c", () => new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 })).format(
    n,
  );
}

/** A share between 0 and 1 as a percentage. */
export function percent(share: number): string {
  return cached("%", () => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 })).format(
    share,
  );
}

/**
 * An amount of quota in US dollars, exact: two digits behind the point, or as
 * many as it has. 500 000 quota are 1 USD, so six digits hold any amount.
 */
export function usd(quota: number): string {
  return dollars(decimalUSD(quota));
}

/** A decimal string of dollars, such as "-1.4", as an amount of money. */
export function dollars(decimal: string): string {
  const negative = decimal.startsWith("-");
  const [whole = "0", part = ""] = decimal.replace("-", "").split(".");
  const cents = part.replace(/0+$/, "").padEnd(2, "0");
  return `${negative ? "−" : ""}$${number(Number(whole))}.${cents}`;
}

/** An amount of quota as a decimal of dollars for an input field: "0.6". */
export function decimalUSD(quota: number): string {
  const micros = BigInt(quota) * 2n;
  const abs = micros < 0n ? -micros : micros;
  const part = (abs % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return `${micros < 0n ? "-" : ""}${abs / 1_000_000n}${part ? `.${part}` : ""}`;
}

/** The quota of a decimal amount of dollars; null when it is none or too fine. */
export function quotaOf(decimal: string): number | null {
  const m = /^(-?)(\d{1,9})(?:\.(\d{1,6}))?$/.exec(decimal.trim());
  if (!m) return null;
  const micros = BigInt(m[2] ?? "0") * 1_000_000n + BigInt((m[3] ?? "").padEnd(6, "0"));
  if (micros % 2n !== 0n) return null;
  return Number(micros / 2n) * (m[1] ? -1 : 1);
}

type When = string | number | Date;

/** A moment in the reader's time zone, to the second. */
export function dateTime(at: When): string {
  return cached("dt", () => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" })).format(
    new Date(at),
  );
}

/** A moment in few characters: the time today, else the day. */
export function shortTime(at: When): string {
  const d = new Date(at);
  const now = new Date();
  if (d.toDateString() === now.toDateString()) {
    return cached("t", () => new Intl.DateTimeFormat(locale(), { timeStyle: "medium" })).format(d);
  }
  if (d.getFullYear() === now.getFullYear()) {
    return cached(
      "md",
      () => new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }),
    ).format(d);
  }
  return cached("ymd", () => new Intl.DateTimeFormat(locale(), { dateStyle: "medium" })).format(d);
}

/** A day in the reader's time zone. */
export function day(at: When): string {
  return cached("d", () => new Intl.DateTimeFormat(locale(), { dateStyle: "medium" })).format(new Date(at));
}

/** Month and day, for axes. */
export function monthDay(at: When): string {
  return cached("axd", () => new Intl.DateTimeFormat(locale(), { month: "numeric", day: "numeric" })).format(
    new Date(at),
  );
}

/** Hour of the day, for axes. */
export function hour(at: When): string {
  return cached(
    "axh",
    () => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hour12: false }),
  ).format(new Date(at));
}

/** A moment in UTC, for the hover of local times. */
export function utc(at: When): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, or in how long: "5 minutes ago". */
export function ago(at: When, now: number = Date.now()): string {
  const s = Math.round((new Date(at).getTime() - now) / 1000);
  const [unit, size] = steps.find(([, size]) => Math.abs(s) >= size) ?? ["second", 1];
  return cached("rel", () => new Intl.RelativeTimeFormat(locale(), { numeric: "auto" })).format(
    Math.trunc(s / size),
    unit,
  );
}

/** A length of time: "1 m 5 s". */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const s = Math.round(seconds);
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} m ${s % 60} s` : `${s / 60} m`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** The reader's time zone, as the API takes it. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
