import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";

/**
 * What an error says, in the reader's language. The gateway's refusals are known
 * by their code; one that has no text of its own here is told as the gateway
 * says it.
 */
export function errorText(t: TFunction, error: unknown): string {
  if (!(error instanceof ApiError)) return t("errors.unexpected");
  if (error.code === "rate_limited" && error.retryAfter)
    return t("errors.rate_limited_for", { count: error.retryAfter });
  const first = error.fields[0];
  if (error.code === "invalid_request" && first) return fieldText(t, first.message);
  // The English texts are the gateway's own: they name the thing.
  const known = t([`errors.${error.code}`, `refusals.${error.code}`], { message: error.message, defaultValue: "" });
  return known || error.message || t("errors.unexpected");
}

/** A refusal that is told beside its fields: what is left to show is its request's id. */
export class BesideFields {
  constructor(readonly requestId?: string) {}
}

/** The texts of the form checks that the gateway makes by itself. */
const checks: [RegExp, string][] = [
  [/^expected (?:string )?length >= (\d+)/, "errors.check.minLength"],
  [/^expected (?:string )?length <= (\d+)/, "errors.check.maxLength"],
  [/^expected number >= (-?[\d.]+)/, "errors.check.minimum"],
  [/^expected number <= (-?[\d.]+)/, "errors.check.maximum"],
  [/^expected array length <= (\d+)/, "errors.check.maxItems"],
  [/^expected value to be one of "(.*)"/, "errors.check.oneOf"],
  [/^expected required property (\S+)/, "errors.check.required"],
  [/^expected (integer|number|string|boolean|array|object)/, "errors.check.type"],
];

export function fieldText(t: TFunction, message: string): string {
  for (const [pattern, key] of checks) {
    const m = pattern.exec(message);
    if (m) return t(key, { value: m[1], defaultValue: message });
  }
  return message;
}

export function useErrorText() {
  const { t } = useTranslation();
  return (error: unknown) => errorText(t, error);
}

/**
 * What an error says about the fields of a form. names says which field of the
 * form stands for which of the request; without an entry it is the same name.
 */
export function fieldErrors(t: TFunction, error: unknown, names: Record<string, string> = {}): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  const out: Record<string, string> = {};
  for (const f of error.fields) {
    const sent = f.location.replace(/^body\./, "");
    const name = names[sent] ?? sent.replace(/\[\d+\].*$/, "");
    out[name] ??= error.fields.length === 1 ? errorText(t, error) : fieldText(t, f.message);
  }
  return out;
}
