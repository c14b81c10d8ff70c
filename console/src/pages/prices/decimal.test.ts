import { expect, it } from "vitest";
import { decimal, isDecimal, micros, scaled } from "./decimal";

it("reads and writes decimals exactly", () => {
  for (const text of ["0", "0.6", "1", "0.000001", "999999999999.999999"])
    expect(decimal(micros(text) ?? -1n)).toBe(text);
  for (const text of ["", ".5", "-1", "1.", "1.0000001", "1e3", "0,5"]) expect(isDecimal(text)).toBe(false);
});

it("scales an amount as its price does", () => {
  // 0.6 gives 0.72, which is to be 0.9.
  expect(decimal(scaled(micros("0.6") ?? 0n, micros("0.9") ?? 0n, micros("0.72") ?? 0n))).toBe("0.75");
  expect(decimal(scaled(1n, 1n, 3n))).toBe("0");
  expect(decimal(scaled(2n, 1n, 3n))).toBe("0.000001");
});
