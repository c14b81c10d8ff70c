import { zodResolver } from "@hookform/resolvers/zod";
import { useRef, useState } from "react";
import { type DefaultValues, type FieldValues, type Path, useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import type { ZodType } from "zod";
import { ApiError } from "@/api/client";
import { BesideFields, fieldErrors } from "./errors";

/**
 * A form checked by a zod schema whose messages are keys of texts. submit sends
 * it; what the gateway refuses is shown beside the field that it names, and in
 * `refused` when it names none of the form's. `refused` always leads to the
 * request's id.
 */
export function useEditForm<T extends FieldValues>(options: {
  schema: ZodType<T, T>;
  values: DefaultValues<T>;
  submit: (values: T) => Promise<unknown>;
  /** Fields of the form for fields of the request that are named otherwise. */
  names?: Record<string, string>;
}) {
  const { t } = useTranslation();
  const [refused, setRefused] = useState<unknown>(null);
  const form = useForm<T>({ resolver: zodResolver(options.schema), defaultValues: options.values });
  const fields = useRef(new Set(Object.keys(options.values)));
  const onSubmit = form.handleSubmit(async (values) => {
    setRefused(null);
    try {
      await options.submit(values as T);
    } catch (error) {
      const named = fieldErrors(t, error, options.names);
      let shown = 0;
      for (const [name, message] of Object.entries(named)) {
        if (!fields.current.has(name)) continue;
        form.setError(name as Path<T>, { type: "server", message }, { shouldFocus: shown++ === 0 });
      }
      const all = shown > 0 && shown === Object.keys(named).length;
      setRefused(all && error instanceof ApiError ? new BesideFields(error.requestId) : error);
    }
  });
  /** The text of what is wrong with a field. */
  const error = (name: Path<T>): string | undefined => {
    const e = form.getFieldState(name, form.formState).error;
    if (!e?.message) return undefined;
    return e.type === "server" ? e.message : t(e.message);
  };
  return {
    ...form,
    onSubmit,
    error,
    refused,
    /** Takes the refusal away, when what it says is no longer so. */
    forget: () => setRefused(null),
    busy: form.formState.isSubmitting,
  };
}
