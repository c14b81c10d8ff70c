import { createInstance, type TFunction } from "i18next";
import { describe, expect, test } from "vitest";
import { ApiError } from "@/api/client";
import en from "@/i18n/locales/en/base/errors.json";
import zh from "@/i18n/locales/zh/base/errors.json";
import refusals from "@/i18n/locales/zh/refusals.json";
import { errorText, fieldErrors } from "./errors";

function reader(texts: object): TFunction {
  const i18n = createInstance();
  void i18n.init({ lng: "x", initAsync: false, resources: { x: { translation: texts } } });
  return i18n.t;
}
const english = reader({ errors: en });
const chinese = reader({ errors: zh, refusals });
const refused = (code: string, message = "The gateway's words.", fields: ApiError["fields"] = [], retry?: number) =>
  new ApiError(400, code, message, "id", fields, retry);

describe("what an error says", () => {
  test("is in the reader's language", () => {
    expect(errorText(chinese, refused("wrong_credentials"))).toBe(zh.wrong_credentials);
    expect(errorText(chinese, refused("code_used"))).toBe(refusals.code_used);
    expect(errorText(english, refused("code_used"))).toBe("The gateway's words.");
  });

  test("holds the particulars that only the gateway knows", () => {
    expect(errorText(chinese, refused("upstream_rejected", "prompt too long"))).toContain("prompt too long");
  });

  test("says how long to wait", () => {
    expect(errorText(english, refused("rate_limited", "", [], 7))).toBe("Too many tries. Wait 7 s.");
    expect(errorText(chinese, refused("rate_limited", "", [], 7))).toContain("7 秒");
  });

  test("is something even of an error that nobody knows", () => {
    expect(errorText(chinese, refused("brand_new", "New words."))).toBe("New words.");
    expect(errorText(english, new TypeError("x is undefined"))).toBe(en.unexpected);
    expect(errorText(english, refused("brand_new", ""))).toBe(en.unexpected);
  });
});

describe("what an error says of fields", () => {
  const checks = [
    { location: "body.name", message: "expected length >= 1" },
    { location: "body.models[2]", message: "expected string" },
    { location: "body.keys", message: "Line 2 is no key." },
  ];

  test("stands at the fields of the form, each once", () => {
    const told = fieldErrors(chinese, refused("invalid_request", "", checks), { keys: "secrets" });
    expect(told).toEqual({ name: "至少 1 个字符。", models: "类型必须为 string。", secrets: "Line 2 is no key." });
  });

  test("is the refusal's own text when it is about one field", () => {
    const told = fieldErrors(
      chinese,
      refused("name_taken", "A user named x exists already.", [
        { location: "body.name", message: "A user named x exists already." },
      ]),
    );
    expect(told).toEqual({ name: refusals.name_taken });
  });

  test("is nothing of an error that names none", () => {
    expect(fieldErrors(english, refused("no_channel"))).toEqual({});
    expect(fieldErrors(english, new Error("x"))).toEqual({});
  });
});
