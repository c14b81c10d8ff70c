import { type ReactNode, useEffect, useRef, useState } from "react";
import type { DefaultValues, FieldValues, Path, PathValue } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import type { useEditForm } from "@/lib/form";
import { Button } from "./button";
import { ErrorNote, Note } from "./feedback";

type Difference = { name: string; label: ReactNode; saved: unknown; typed: unknown };

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Why a form was not saved. When somebody else was faster, it offers the newest:
 * what the reader did not touch follows it, what both changed is shown side by
 * side, and what was typed stays until the reader takes the other.
 */
export function Conflict<T extends FieldValues>({
  form,
  load,
  labels,
  show,
}: {
  form: ReturnType<typeof useEditForm<T>>;
  /** Reads the newest, makes it what the next save starts from, and gives it as values of the form. */
  load: () => Promise<T>;
  /** Names of the fields that are compared. */
  labels: Partial<Record<keyof T & string, ReactNode>>;
  show?: (name: keyof T & string, value: unknown) => ReactNode;
}) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const [differences, setDifferences] = useState<Difference[] | null>(null);

  // The forms are long and the note stands at their end.
  const place = useRef<HTMLDivElement>(null);
  const told = form.refused ?? differences;
  useEffect(() => {
    if (told != null) place.current?.scrollIntoView({ block: "nearest" });
  }, [told]);

  const merge = async () => {
    setBusy(true);
    setFailed(null);
    try {
      const begun = form.formState.defaultValues as T;
      const newest = await load();
      const found: Difference[] = [];
      const next = { ...newest };
      for (const name of Object.keys(newest) as (keyof T & string)[]) {
        const typed = form.getValues(name as unknown as Path<T>) as T[typeof name];
        if (same(typed, begun[name])) continue;
        next[name] = typed;
        if (labels[name] && !same(newest[name], begun[name]) && !same(newest[name], typed))
          found.push({ name, label: labels[name], saved: newest[name], typed });
      }
      form.reset(newest as DefaultValues<T>);
      for (const name of Object.keys(next) as (keyof T & string)[])
        if (!same(next[name], newest[name]))
          form.setValue(name as unknown as Path<T>, next[name] as PathValue<T, Path<T>>, { shouldDirty: true });
      setDifferences(found);
      form.forget();
    } catch (e) {
      setFailed(e);
    } finally {
      setBusy(false);
    }
  };
  const take = (d: Difference) => {
    form.setValue(d.name as Path<T>, d.saved as PathValue<T, Path<T>>, { shouldDirty: true });
    setDifferences((list) => list?.filter((x) => x.name !== d.name) ?? null);
  };
  const text = (d: Difference, value: unknown) => {
    const shown = show ? show(d.name, value) : Array.isArray(value) ? value.join(", ") : String(value ?? "");
    return shown === "" || shown == null ? <span className="text-faint">{t("common.none")}</span> : shown;
  };

  if (form.refused != null) {
    if (!(form.refused instanceof ApiError) || form.refused.code !== "version_conflict")
      return (
        <div ref={place}>
          <ErrorNote error={form.refused} />
        </div>
      );
    return (
      <div ref={place} role="alert" className="space-y-2">
        <Note
          tone="warn"
          title={t("common.conflict")}
          action={
            <Button size="sm" busy={busy} onClick={() => void merge()}>
              {t("common.loadNewest")}
            </Button>
          }
        >
          {t("common.conflictHint")}
        </Note>
        {failed != null && <ErrorNote error={failed} />}
      </div>
    );
  }
  if (!differences) return null;
  return (
    <div ref={place} role="status">
      <Note tone="info" title={t("common.newestLoaded")}>
        {differences.length === 0 ? (
          <p>{t("common.newestMerged")}</p>
        ) : (
          <div>
            <p>{t("common.newestDiffers")}</p>
            <ul className="mt-2 space-y-2">
              {differences.map((d) => (
                <li key={d.name} className="rounded-md border border-line bg-surface px-2.5 py-2">
                  <div className="flex items-center justify-between gap-2">
                    <span className="font-medium">{d.label}</span>
                    <Button size="sm" onClick={() => take(d)}>
                      {t("common.takeSaved")}
                    </Button>
                  </div>
                  <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5">
                    <dt className="text-soft">{t("common.savedNow")}</dt>
                    <dd className="min-w-0 break-words">{text(d, d.saved)}</dd>
                    <dt className="text-soft">{t("common.yours")}</dt>
                    <dd className="min-w-0 break-words">{text(d, d.typed)}</dd>
                  </dl>
                </li>
              ))}
            </ul>
          </div>
        )}
      </Note>
    </div>
  );
}
