import { Search, X } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { Input } from "@/ui/form";
import { Checkbox } from "@/ui/toggle";
import { baseOf, covers } from "./covers";

/**
 * Which models a channel serves: all of its kind, patterns, or picked ones.
 * Picked are base names, which stand for all their modes; a single mode can be
 * typed.
 */
export function ModelPicker({
  value,
  onChange,
  models,
  all,
}: {
  value: string[];
  onChange: (v: string[]) => void;
  /** Names that this gateway knows. */
  models: string[];
  /** The pattern that stands for all of them. */
  all: string;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const groups = useMemo(() => {
    const by = new Map<string, string[]>();
    for (const m of models) by.set(baseOf(m), [...(by.get(baseOf(m)) ?? []), m]);
    return [...by];
  }, [models]);
  const served = models.filter((m) => value.some((v) => covers(v, m))).length;
  const needle = text.trim().toLowerCase();
  const shown = groups.filter(
    ([base, names]) =>
      !needle || base.includes(needle.replace(/\*$/, "")) || names.some((n) => n.includes(needle) || covers(needle, n)),
  );
  const add = () => {
    const more = text.split(/[\s,，]+/).filter((x) => x && !value.includes(x));
    if (more.length) onChange([...value, ...more]);
    setText("");
  };
  const toggle = (base: string, names: string[], on: boolean) => {
    const rest = value.filter((v) => v !== base && !names.includes(v));
    onChange(on ? [...rest, base] : rest);
  };
  return (
    <div className="rounded-lg border border-line-strong bg-surface">
      <div className="flex flex-wrap items-center gap-1 border-line border-b px-2 py-1.5">
        {value.map((v) => (
          <span
            key={v}
            className="inline-flex items-center gap-1 rounded-md bg-sunken py-0.5 pr-1 pl-2 font-mono text-xs"
          >
            {v}
            <button
              type="button"
              aria-label={t("common.remove", { name: v })}
              onClick={() => onChange(value.filter((x) => x !== v))}
              className="rounded hover:bg-line"
            >
              <X className="size-3.5" aria-hidden />
            </button>
          </span>
        ))}
        {value.length === 0 && <span className="px-1 text-warn text-xs">{t("channels.noModels")}</span>}
        <span className="flex-1" />
        <span className="num px-1 text-faint text-xs">
          {t("channels.modelsServed", { served, count: models.length })}
        </span>
      </div>
      <div className="flex gap-2 p-2">
        <div className="relative flex-1">
          <Search className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint" aria-hidden />
          <Input
            value={text}
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === "Enter" && text.trim()) {
                e.preventDefault();
                add();
              }
            }}
            placeholder={t("channels.modelSearch")}
            aria-label={t("channels.modelSearch")}
            className="h-8! pl-8! text-[0.8125rem]"
            spellCheck={false}
            autoComplete="off"
          />
        </div>
        {text.trim() ? (
          <Button size="sm" onClick={add}>
            {t("channels.addEntry")}
          </Button>
        ) : (
          <Button size="sm" onClick={() => onChange([all])} disabled={value.includes(all)}>
            {t("channels.allModels")}
          </Button>
        )}
      </div>
      <ul
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={t("channels.modelList")}
        className="grid max-h-44 overflow-y-auto px-2 pb-2 sm:grid-cols-2"
      >
        {shown.map(([base, names]) => {
          const picked = value.includes(base) || names.every((n) => value.includes(n));
          const byPattern = !picked && names.every((n) => value.some((v) => covers(v, n)));
          const some = !picked && !byPattern && names.some((n) => value.some((v) => covers(v, n)));
          return (
            <li key={base} className="rounded-md px-1 py-1 hover:bg-sunken">
              <Checkbox
                checked={picked || byPattern ? true : some ? "indeterminate" : false}
                disabled={byPattern}
                onCheckedChange={(on) => toggle(base, names, on === true)}
                label={
                  <span className={byPattern ? "text-soft" : undefined}>
                    {base}
                    <span className="ml-1.5 text-faint text-xs">
                      {names
                        .map((n) => n.slice(base.length + 1))
                        .filter(Boolean)
                        .join(" ")}
                    </span>
                  </span>
                }
              />
            </li>
          );
        })}
        {shown.length === 0 && (
          <li className="px-1 py-1.5 text-faint text-xs sm:col-span-2">
            {t("channels.unknownEntry", { name: text.trim() })}
          </li>
        )}
      </ul>
    </div>
  );
}
