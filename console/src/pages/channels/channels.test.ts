import { describe, expect, it } from "vitest";
import { baseOf, covers } from "./covers";
import { readKeys } from "./key-lines";
import { readReason, readTest } from "./told";

describe("keys as they are typed", () => {
  // The cases of the gateway's own test of keys.
  it.each([
    ["api-key-0123", "api_key"],
    ["a.b.c", "api_key"],
    ["AK|SK", "ak_sk"],
    ["AK|S,K", "ak_sk"],
  ])("%s is of kind %s", (key, kind) => expect(readKeys(key)).toEqual([{ line: 1, kind }]));
  it.each([
    ["|", "pair"],
    ["AK|", "pair"],
    ["|SK", "pair"],
    ["A|B|C", "pair"],
    ["AK,SK", "comma"],
    ["a b", "space"],
    ["Bearer x", "space"],
    ["é", "space"],
  ])("%s is refused for %s", (key, problem) => expect(readKeys(key)).toEqual([{ line: 1, problem }]));
  it("counts lines and leaves blank ones out", () =>
    expect(readKeys("\n  k1  \n\nA|B\n")).toEqual([
      { line: 2, kind: "api_key" },
      { line: 4, kind: "ak_sk" },
    ]));
});

describe("entries of a list of models", () => {
  it.each([
    ["*", "kling-v1-6-pro", true],
    ["kling-v1-6-pro", "kling-v1-6-std", false],
    ["kling-v1-6", "kling-v1-6-pro", true],
    ["kling-v1-6-pro", "kling-v1-6", false],
    ["kling-v1", "kling-v1-6-pro", false],
    ["kling-v1*", "kling-v1-6-pro", true],
    ["*-pro", "kling-v1-6-pro", false],
  ])("%s covers %s: %s", (entry, name, want) => expect(covers(entry, name)).toBe(want));
  it("knows base names", () =>
    expect(["a-pro-std", "kling-v3-4k", "pro", "-pro"].map(baseOf)).toEqual(["a-pro", "kling-v3", "pro", "-pro"]));
});

describe("what the gateway writes of failures", () => {
  it("takes a reason apart", () => {
    expect(readReason("no_credit (HTTP 429, code 1102): Account balance: 0")).toEqual({
      kind: "no_credit",
      http: 429,
      code: 1102,
      message: "Account balance: 0",
    });
    expect(readReason("unreachable: dial tcp: refused")).toMatchObject({
      kind: "unreachable",
      message: "dial tcp: refused",
    });
    expect(readReason("column key is sealed")).toEqual({ message: "column key is sealed" });
  });
  it("takes the result of a test apart", () => {
    expect(readTest("2 of 3 keys work; key 4303: bad_key (HTTP 401, code 1000): no")).toEqual({
      ok: false,
      works: 2,
      count: 3,
      key: "4303",
      error: "bad_key (HTTP 401, code 1000): no",
    });
    expect(readTest("ok: all 2 keys work; GET /x answered")).toEqual({ ok: true, said: "GET /x answered" });
  });
});
