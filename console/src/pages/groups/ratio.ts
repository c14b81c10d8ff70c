import * as format from "@/lib/format";

/** The order that shows what a ratio does: 5 s at a usual list price. */
export const exampleList = "0.6";

export const isRatio = (text: string) =>
  /^\d{1,4}(\.\d{1,6})?$/.test(text.trim()) && Number(text) > 0 && Number(text) <= 1000;

/** What the example costs with a ratio, rounded up as the gateway does. */
export function paid(ratio: string): string {
  const [whole = "0", part = ""] = ratio.trim().split(".");
  // 0.6 USD are 300 000 quota; a ratio has six digits at most.
  const millionths = BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0").slice(0, 6));
  const quota = (300_000n * millionths + 999_999n) / 1_000_000n;
  return format.usd(Number(quota));
}
