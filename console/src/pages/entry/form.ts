import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { fieldErrors } from "@/lib/errors";

type Checks<K extends string> = Partial<Record<K, (value: string) => string | undefined>>;

/**
 * The forms before the sign-in: a few text fields. They do without the form
 * library of the pages behind, which a first visit need not fetch.
 */
export function useEntryForm<K extends string>(options: {
  fields: readonly K[];
  /** What is wrong with a value, as a key of texts. */
  checks: Checks<K>;
  names?: Record<string, K>;
  submit: (values: Record<K, string>) => Promise<unknown>;
}) {
  const { t } = useTranslation();
  const [errors, setErrors] = useState<Partial<Record<string, string>>>({});
  const [refused, setRefused] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const values = Object.fromEntries(options.fields.map((f) => [f, String(data.get(f) ?? "")])) as Record<K, string>;
    const wrong: Partial<Record<string, string>> = {};
    for (const f of options.fields) {
      const key = data.has(f) ? options.checks[f]?.(values[f]) : undefined;
      if (key) wrong[f] = t(key);
    }
    setErrors(wrong);
    setRefused(null);
    const first = options.fields.find((f) => wrong[f]);
    if (first) {
      (form.elements.namedItem(first) as HTMLElement | null)?.focus();
      return;
    }
    setBusy(true);
    try {
      await options.submit(values);
    } catch (error) {
      const named = fieldErrors(t, error, options.names);
      if (Object.keys(named).some((f) => data.has(f))) setErrors(named);
      else setRefused(error);
    } finally {
      setBusy(false);
    }
  };
  return { onSubmit, error: (f: K) => errors[f], refused, busy };
}

export const filled = (key: string) => (value: string) => (value.trim() ? undefined : key);

/** The rules of a new password, as the gateway has them. */
export const newPassword = (value: string) =>
  value.length < 10 || value.length > 256 ? "entry.passwordLength" : undefined;
