import i18n from "i18next";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compact, decimalUSD, dollars, duration, number, percent, quotaOf, quotaPerUSD, usd } from "./format";

beforeAll(() => i18n.init({ lng: "en", resources: {} }));
afterAll(() => i18n.changeLanguage("en"));

test("an amount shows all that it holds, and two digits at least", () => {
  expect(usd(0)).toBe("$0.00");
  expect(usd(quotaPerUSD)).toBe("$1.00");
  expect(usd(700_000)).toBe("$1.40");
  expect(usd(1)).toBe("$0.000002");
  expect(usd(-123_456_789_000)).toBe("−$246,913.578");
  expect(usd(499_999_999_640_000)).toBe("$999,999,999.28");
  expect(dollars("0.6")).toBe("$0.60");
  expect(dollars("-12.345000")).toBe("−$12.345");
});

describe("a decimal of dollars and its quota", () => {
  test("are the same amount, both ways", () => {
    // Every size of amount, both signs, beside round numbers and in between.
    const amounts = [0, 1, 2, 3, 499_999, 500_000, 500_001, 2 ** 31 - 1, 2 ** 31, 499_999_999_999_999];
    for (let n = 1, seed = 7; n < 5e14; n = Math.floor(n * 1.37) + 1) {
      seed = (seed * 48271) % 2147483647;
      amounts.push(n, Math.floor(n * (seed / 2147483647)));
    }
    for (const n of amounts.flatMap((a) => (a ? [a, -a] : [a]))) {
      const text = decimalUSD(n);
      expect(text).toMatch(/^-?\d+(\.\d*[1-9])?$/);
      expect(quotaOf(text), text).toBe(n);
    }
  });

  test("are read as people type them", () => {
    expect(quotaOf(" 12.50 ")).toBe(6_250_000);
    expect(quotaOf("0.6")).toBe(300_000);
    expect(quotaOf("-1.4")).toBe(-700_000);
    expect(quotaOf("0.000002")).toBe(1);
  });

  test("are not read where they would be rounded or guessed", () => {
    for (const text of ["", "x", "1,5", "1e3", ".5", "5.", "0.0000021", "0.000001", "+1", "$1", "1 000", "12345678901"])
      expect(quotaOf(text), text).toBeNull();
  });
});

test("a length of time is told in two units at most", () => {
  expect(duration(0)).toBe("0 ms");
  expect(duration(0.25)).toBe("250 ms");
  expect(duration(1.26)).toBe("1.3 s");
  expect(duration(59.4)).toBe("59 s");
  expect(duration(60)).toBe("1 m");
  expect(duration(65)).toBe("1 m 5 s");
  expect(duration(3600)).toBe("1 h 0 m");
  expect(duration(90_061)).toBe("1 d 1 h");
});

test("shares and large numbers are short", () => {
  expect(percent(0)).toBe("0%");
  expect(percent(0.9876)).toBe("98.8%");
  expect(percent(1)).toBe("100%");
  expect(number(1_234_567)).toBe("1,234,567");
  expect(compact(12_345)).toBe("12.3K");
});

test("numbers follow the language at once", async () => {
  await i18n.changeLanguage("zh");
  expect(compact(12_345)).toBe("1.2万");
  await i18n.changeLanguage("en");
  expect(compact(12_345)).toBe("12.3K");
});
