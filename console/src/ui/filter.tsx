import { ListFilter, Search, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Button } from "./button";
import { Field, Input, Select } from "./form";
import { Popover } from "./popover";
import { spans, type TimeRange } from "./range";

/** A search field whose text counts when the reader pauses or presses Enter. */
export function SearchField({
  value,
  onChange,
  label,
  className,
}: {
  value: string | undefined;
  onChange: (v: string | undefined) => void;
  label: string;
  className?: string;
}) {
  const [text, setText] = useState(value ?? "");
  useEffect(() => setText(value ?? ""), [value]);
  useEffect(() => {
    if (text === (value ?? "")) return;
    const timer = setTimeout(() => onChange(text.trim() || undefined), 400);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <div className={cn("relative w-full sm:w-56", className)}>
      <Search
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-faint"
        aria-hidden
      />
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        className="h-8! pl-8! text-[0.8125rem]"
        value={text}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => e.key === "Enter" && onChange(text.trim() || undefined)}
      />
    </div>
  );
}

/** A filter with a few values. */
export function SelectFilter({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: string | undefined;
  onChange: (v: string | undefined) => void;
  options: (readonly [string, ReactNode])[];
}) {
  const { t } = useTranslation();
  return (
    <Select
      aria-label={label}
      value={value ?? ""}
      onChange={(e) => onChange(e.target.value || undefined)}
      className={cn(
        "w-auto! [&_select]:h-8! [&_select]:text-[0.8125rem]",
        value && "[&_select]:border-accent! [&_select]:text-accent-strong!",
      )}
    >
      <option value="">
        {label}: {t("list.all")}
      </option>
      {options.map(([v, text]) => (
        <option key={v} value={v}>
          {label}: {text}
        </option>
      ))}
    </Select>
  );
}

/** The choice of a range of time, in the reader's time zone. */
export function RangeFilter({
  value,
  onChange,
  label,
  required,
}: {
  value: TimeRange;
  onChange: (r: TimeRange) => void;
  label: string;
  required?: boolean;
}) {
  const { t } = useTranslation();
  const [custom, setCustom] = useState(false);
  const [open, setOpen] = useState(false);
  const chosen = value.span ?? (value.since || value.until ? "custom" : "");
  const local = (iso: string | undefined) => {
    if (!iso) return "";
    const d = new Date(iso);
    return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  const choose = (r: TimeRange) => {
    onChange(r);
    setOpen(false);
  };
  const iso = (text: string) => (text ? new Date(text).toISOString() : undefined);
  const name = value.span
    ? t(`range.${value.span}`)
    : chosen === "custom"
      ? [value.since && format.shortTime(value.since), value.until && format.shortTime(value.until)]
          .map((x) => x ?? "…")
          .join(" – ")
      : t("range.any");
  return (
    <Popover
      open={open}
      onOpenChange={(o) => {
        setOpen(o);
        setCustom(chosen === "custom");
      }}
      trigger={
        <Button size="sm" className={cn("font-normal!", chosen && !required && "border-accent! text-accent-strong!")}>
          {label}: {name}
        </Button>
      }
      className="w-64"
    >
      <div className="flex flex-col gap-0.5">
        {!required && (
          <Choice on={!chosen} onClick={() => choose({})}>
            {t("range.any")}
          </Choice>
        )}
        {spans.map((s) => (
          <Choice key={s} on={value.span === s} onClick={() => choose({ span: s })}>
            {t(`range.${s}`)}
          </Choice>
        ))}
        <Choice on={chosen === "custom"} onClick={() => setCustom(true)}>
          {t("range.custom")}
        </Choice>
      </div>
      {custom && (
        <div className="mt-2 space-y-2 border-line border-t pt-2">
          <Field label={t("range.from")}>
            <Input
              type="datetime-local"
              value={local(value.since)}
              onChange={(e) => onChange({ since: iso(e.target.value), until: value.until })}
            />
          </Field>
          <Field label={t("range.to")}>
            <Input
              type="datetime-local"
              value={local(value.until)}
              onChange={(e) => onChange({ since: value.since, until: iso(e.target.value) })}
            />
          </Field>
          <p className="text-faint text-xs">{format.timeZone()}</p>
        </div>
      )}
    </Popover>
  );
}

const Choice = ({ on, children, onClick }: { on: boolean; children: ReactNode; onClick: () => void }) => (
  <button
    type="button"
    onClick={onClick}
    aria-pressed={on}
    className={cn(
      "rounded-md px-2 py-1.5 text-left hover:bg-sunken",
      on && "bg-accent-wash font-medium text-accent-strong",
    )}
  >
    {children}
  </button>
);

/** Less frequent filters, behind a button that counts those in use. */
export function MoreFilters({ count, children }: { count: number; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Popover
      trigger={
        <Button size="sm" className={cn("font-normal!", count > 0 && "border-accent! text-accent-strong!")}>
          <ListFilter aria-hidden />
          {t("list.filters")}
          {count > 0 && ` (${count})`}
        </Button>
      }
      className="w-72 space-y-3"
    >
      {children}
    </Popover>
  );
}

/** Takes all filters away; not shown while there are none. */
export function ClearFilters({ active, onClear }: { active: boolean; onClear: () => void }) {
  const { t } = useTranslation();
  if (!active) return null;
  return (
    <Button look="ghost" size="sm" onClick={onClear}>
      <X aria-hidden />
      {t("list.clear")}
    </Button>
  );
}
