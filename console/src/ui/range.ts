/** The spans of time that lists and figures offer. They end now. */
export const spans = ["today", "24h", "7d", "30d", "90d"] as const;
export type Span = (typeof spans)[number];

/** A range of time in the URL: a span that ends now, or two moments. */
export type TimeRange = { span?: string; since?: string; until?: string };

/** What a range means now. */
export function resolveRange(r: TimeRange): { since?: string; until?: string } {
  if (!r.span) return { since: r.since, until: r.until };
  const now = new Date();
  if (r.span === "today") {
    now.setHours(0, 0, 0, 0);
    return { since: now.toISOString() };
  }
  if (r.span === "24h") {
    now.setMinutes(0, 0, 0); // so that what is asked for stays the same for a while
    return { since: new Date(now.getTime() - 23 * 3600_000).toISOString() };
  }
  // Whole days of the reader, today among them.
  now.setHours(0, 0, 0, 0);
  now.setDate(now.getDate() - (Number.parseInt(r.span, 10) - 1));
  return { since: now.toISOString() };
}
