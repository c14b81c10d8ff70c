import { expect, test } from "vitest";
import { parseSearch, stringifySearch } from "./search";

test("an address keeps plain strings, and only what is set", () => {
  expect(stringifySearch({ q: "猫 & 狗", status: undefined, user_id: 7, empty: "", none: null })).toBe(
    "?q=%E7%8C%AB+%26+%E7%8B%97&user_id=7",
  );
  expect(stringifySearch({})).toBe("");
  expect(parseSearch("?q=%E7%8C%AB+%26+%E7%8B%97&user_id=7&empty=")).toEqual({ q: "猫 & 狗", user_id: "7" });
});

test("what was written is read again", () => {
  for (const text of ["a=b", '{"a":1}', "true", "0012", "50%", "+", "x\ny", "#top", "?"])
    expect(parseSearch(stringifySearch({ q: text }))).toEqual({ q: text });
});
