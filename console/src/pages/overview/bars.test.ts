import { expect, test } from "vitest";
import { buckets } from "./bars";

// Clocks went back there in the night to 26 October 2025, and forward in that to 29 March 2026.
process.env.TZ = "Europe/Berlin";

const of = (interval: "day" | "hour", since: string, until: string, tasks: string[] = []) =>
  buckets({
    since,
    until,
    interval,
    series: tasks.map((at) => ({ at, tasks: 1 }) as never),
  } as never);

test.each([
  ["back", "2025-10-25T08:00:00+02:00", "2025-10-27T12:00:00+01:00", [24, 25, 24]],
  ["forward", "2026-03-28T08:00:00+01:00", "2026-03-30T12:00:00+02:00", [24, 23, 24]],
])("a day is the reader's day when clocks go %s", (_, since, until, hours) => {
  const bars = of("day", since, until);
  expect(bars.map((b) => (b.to.getTime() - b.from.getTime()) / 3600_000)).toEqual(hours);
  expect(bars.map((b) => b.from.getHours())).toEqual([0, 0, 0]);
});

test("hours follow each other without a gap when clocks change", () => {
  const bars = of("hour", "2025-10-26T00:00:00+02:00", "2025-10-26T06:00:00+01:00");
  expect(bars).toHaveLength(7);
  bars.slice(1).forEach((b, i) => {
    expect(b.from).toEqual(bars[i]?.to);
  });
});

test("what was counted stands at its hour or day, and the others are empty", () => {
  const bars = of("day", "2025-10-25T00:00:00+02:00", "2025-10-27T01:00:00+01:00", ["2025-10-26T00:00:00+02:00"]);
  expect(bars.map((b) => b.usage?.tasks)).toEqual([undefined, 1, undefined]);
});
