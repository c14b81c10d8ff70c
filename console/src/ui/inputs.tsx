import { X } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Input, useControl } from "./form";

/**
 * Several short texts: type one and press Enter or comma, or paste many. With
 * suggestions they are offered while typing.
 */
export function TextList({
  value,
  onChange,
  placeholder,
  suggestions = [],
}: {
  value: string[];
  onChange: (v: string[]) => void;
  placeholder?: string;
  suggestions?: string[];
}) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const list = useId();
  const control = useControl();
  const add = (texts: string) => {
    const more = texts
      .split(/[\s,，]+/)
      .map((x) => x.trim())
      .filter((x) => x && !value.includes(x));
    if (more.length) onChange([...value, ...new Set(more)]);
    setText("");
  };
  return (
    <div className="flex min-h-9 flex-wrap items-center gap-1 rounded-lg border border-line-strong bg-surface px-1.5 py-1 focus-within:outline-2 focus-within:outline-accent">
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
      <input
        {...control}
        list={suggestions.length ? list : undefined}
        value={text}
        placeholder={value.length ? "" : placeholder}
        onChange={(e) => (suggestions.includes(e.target.value) ? add(e.target.value) : setText(e.target.value))}
        onKeyDown={(e) => {
          if ((e.key === "Enter" || e.key === ",") && text.trim()) {
            e.preventDefault();
            add(text);
          } else if (e.key === "Backspace" && !text && value.length) onChange(value.slice(0, -1));
        }}
        onPaste={(e) => {
          const pasted = e.clipboardData.getData("text");
          if (/[\s,]/.test(pasted.trim())) {
            e.preventDefault();
            add(pasted);
          }
        }}
        onBlur={() => text.trim() && add(text)}
        className="h-6.5 min-w-24 flex-1 bg-transparent px-1.5 outline-none placeholder:text-faint"
        spellCheck={false}
        autoComplete="off"
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions
            .filter((s) => !value.includes(s))
            .map((s) => (
              <option key={s} value={s} />
            ))}
        </datalist>
      )}
    </div>
  );
}

/** An amount of money in dollars, with the quota that it is. value is as typed. */
export function MoneyInput({
  value,
  onChange,
  className,
  ...props
}: {
  value: string;
  onChange: (v: string) => void;
  placeholder?: string;
  className?: string;
  onBlur?: () => void;
  name?: string;
}) {
  const { t } = useTranslation();
  const quota = value.trim() ? format.quotaOf(value) : null;
  return (
    <div className="relative">
      <span className="pointer-events-none absolute top-1/2 left-3 -translate-y-1/2 text-faint">$</span>
      <Input
        inputMode="decimal"
        value={value}
        onChange={(e) => onChange(e.target.value)}
        className={cn("num pr-32! pl-6!", className)}
        {...props}
      />
      <span className="num pointer-events-none absolute top-1/2 right-3 -translate-y-1/2 text-faint text-xs">
        {quota !== null && t("common.quotaAmount", { quota: format.number(quota) })}
      </span>
    </div>
  );
}

/** A moment in the reader's time zone; "" is none. value is ISO. */
export function MomentInput({
  value,
  onChange,
  presets = [7, 30, 90, 365],
}: {
  value: string;
  onChange: (v: string) => void;
  presets?: number[];
}) {
  const { t } = useTranslation();
  const local = value
    ? new Date(new Date(value).getTime() - new Date(value).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
    : "";
  return (
    <div>
      <Input
        type="datetime-local"
        value={local}
        onChange={(e) => onChange(e.target.value ? new Date(e.target.value).toISOString() : "")}
      />
      <div className="mt-1.5 flex flex-wrap gap-1">
        <Preset on={!value} onClick={() => onChange("")}>
          {t("common.never")}
        </Preset>
        {presets.map((days) => (
          <Preset
            key={days}
            on={false}
            onClick={() => onChange(new Date(Date.now() + days * 86_400_000).toISOString())}
          >
            {t("common.inDays", { count: days })}
          </Preset>
        ))}
      </div>
    </div>
  );
}

const Preset = ({ on, onClick, children }: { on: boolean; onClick: () => void; children: ReactNode }) => (
  <button
    type="button"
    aria-pressed={on}
    onClick={onClick}
    className={cn(
      "rounded-full border border-line px-2 py-0.5 text-soft text-xs hover:bg-sunken",
      on && "border-accent text-accent-strong",
    )}
  >
    {children}
  </button>
);

/** A user found by name; value is the id. For administrators. */
export function UserInput({
  label,
  value,
  onChange,
  placeholder,
}: {
  value: string;
  onChange: (id: string) => void;
  label?: string;
  placeholder?: string;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState<string | null>(null);
  const [open, setOpen] = useState(false);
  const chosen = api.useQuery(
    "get",
    "/api/users/{id}",
    { params: { path: { id: Number(value) } } },
    { enabled: !!value },
  );
  const found = api.useQuery(
    "get",
    "/api/users",
    { params: { query: { limit: 8, search: text ?? "" } } },
    { enabled: open },
  );
  const shown = text ?? (value ? (chosen.data?.name ?? `#${value}`) : "");
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notices that the focus has left both parts
    <div
      className="relative"
      onBlur={(e) => {
        if (e.currentTarget.contains(e.relatedTarget)) return;
        setOpen(false);
        setText(null);
      }}
    >
      <Input
        role="combobox"
        aria-label={label}
        aria-expanded={open}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={shown}
        onFocus={() => setOpen(true)}
        onChange={(e) => {
          setText(e.target.value);
          setOpen(true);
          if (!e.target.value) onChange("");
        }}
        onKeyDown={(e) => {
          const first = found.data?.items[0];
          if (e.key === "Enter" && open && first) {
            e.preventDefault();
            onChange(String(first.id));
            setText(null);
            setOpen(false);
          }
          if (e.key === "Escape") setOpen(false);
        }}
      />
      {open && (
        <ul className="absolute inset-x-0 top-full z-10 mt-1 max-h-60 overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-float">
          {found.data?.items.map((u) => (
            <li key={u.id}>
              <button
                type="button"
                className="flex w-full items-baseline gap-2 rounded-md px-2 py-1.5 text-left hover:bg-sunken"
                onClick={() => {
                  onChange(String(u.id));
                  setText(null);
                  setOpen(false);
                }}
              >
                {u.name}
                <span className="text-faint text-xs">{u.display_name || `#${u.id}`}</span>
              </button>
            </li>
          ))}
          {found.data?.items.length === 0 && <li className="px-2 py-1.5 text-faint">{t("common.noneFound")}</li>}
        </ul>
      )}
    </div>
  );
}
