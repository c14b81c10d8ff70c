/** Exact decimals as the catalogue has them: up to six digits behind the point. */
const pattern = /^(\d{1,12})(?:\.(\d{1,6}))?$/;

export const isDecimal = (text: string) => pattern.test(text.trim());

/** A decimal in millionths; null when it is none. */
export function micros(text: string): bigint | null {
  const m = pattern.exec(text.trim());
  return m ? BigInt(m[1] ?? "0") * 1_000_000n + BigInt((m[2] ?? "").padEnd(6, "0")) : null;
}

/** Millionths as a decimal without needless zeros. */
export function decimal(n: bigint): string {
  const part = (n % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  return `${n / 1_000_000n}${part ? `.${part}` : ""}`;
}

/** a × b / c, rounded to the nearest millionth. */
export const scaled = (a: bigint, b: bigint, c: bigint) => (a * b * 2n + c) / (c * 2n);
