import { Link } from "@tanstack/react-router";
import { type ComponentProps, type ReactNode, useEffect, useReducer, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { CopyButton } from "./button";
import { Tip } from "./tip";

export type Tone = "ok" | "warn" | "bad" | "busy" | "neutral" | "accent";
const tones: Record<Tone, string> = {
  ok: "bg-ok-wash text-ok",
  warn: "bg-warn-wash text-warn",
  bad: "bg-bad-wash text-bad",
  busy: "bg-busy-wash text-busy",
  accent: "bg-accent-wash text-accent-strong",
  neutral: "bg-sunken text-soft",
};

export function Badge({
  tone = "neutral",
  dot,
  children,
  className,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
  className?: string;
}) {
  return (
    <span
      className={cn(
        "inline-flex items-center gap-1.5 whitespace-nowrap rounded-full px-2 py-0.5 font-medium text-xs",
        tones[tone],
        className,
      )}
    >
      {dot && <span className="size-1.5 rounded-full bg-current" aria-hidden />}
      {children}
    </span>
  );
}

const statusTones: Record<string, Tone> = {
  pending: "neutral",
  submitting: "busy",
  unknown: "warn",
  submitted: "busy",
  processing: "busy",
  succeed: "ok",
  failed: "bad",
  enabled: "ok",
  disabled: "neutral",
  broken: "bad",
  draining: "warn",
  open: "ok",
  used: "neutral",
  expired: "neutral",
  revoked: "neutral",
  delivered: "ok",
  up: "ok",
  stopping: "warn",
  silent: "bad",
};

/** A state by its name, in the one colour that it has everywhere. */
export function Status({ of, className }: { of: string; className?: string }) {
  const { t } = useTranslation();
  return (
    <Badge tone={statusTones[of] ?? "neutral"} dot className={className}>
      {t(`status.${of}`, { defaultValue: of })}
    </Badge>
  );
}

/** An amount of quota in dollars, with the quota on hover. signed shows a plus. */
export function Money({ quota, signed, className }: { quota: number; signed?: boolean; className?: string }) {
  const { t } = useTranslation();
  return (
    <Tip text={t("common.quotaAmount", { quota: format.number(quota) })}>
      <span
        className={cn(
          "num whitespace-nowrap",
          signed && quota > 0 && "text-ok",
          signed && quota < 0 && "text-bad",
          className,
        )}
      >
        {signed && quota > 0 ? "+" : ""}
        {format.usd(quota)}
      </span>
    </Tip>
  );
}

/** A moment: local, with UTC on hover. ago tells how long it is away and keeps that true. */
export function When({
  at,
  ago,
  full,
  className,
}: {
  at: string | undefined | null;
  ago?: boolean;
  full?: boolean;
  className?: string;
}) {
  const [, tick] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    if (!ago) return;
    const timer = setInterval(tick, 10_000);
    return () => clearInterval(timer);
  }, [ago]);
  if (!at) return <span className="text-faint">–</span>;
  return (
    <Tip
      text={
        <span className="num">
          {format.dateTime(at)}
          <br />
          {format.utc(at)}
        </span>
      }
    >
      <time dateTime={at} className={cn("num whitespace-nowrap", className)}>
        {ago ? format.ago(at) : full ? format.dateTime(at) : format.shortTime(at)}
      </time>
    </Tip>
  );
}

/** How long something has been going on, as it goes on. */
export function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span className="num">{format.duration(Math.max(1, Math.round((now - Date.parse(since)) / 1000)))}</span>;
}

/** An id, shortened in the middle when it is long, with a button that copies it whole. */
export function Id({ children, keep = 18, className }: { children: string; keep?: number; className?: string }) {
  const short = children.length > keep + 2 ? `${children.slice(0, keep - 6)}…${children.slice(-5)}` : children;
  return (
    <span className={cn("inline-flex items-center gap-0.5", className)}>
      <code className="font-mono text-[0.8125rem]" title={children}>
        {short}
      </code>
      <CopyButton text={children} />
    </span>
  );
}

export function Card({
  title,
  action,
  children,
  className,
  flush,
}: {
  title?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
  className?: string;
  flush?: boolean;
}) {
  return (
    <section className={cn("min-w-0 rounded-xl border border-line bg-surface", className)}>
      {title && (
        <div className="flex min-h-11 flex-wrap items-center justify-between gap-x-3 gap-y-1 border-line border-b px-4 py-2">
          <h2 className="font-semibold">{title}</h2>
          {action}
        </div>
      )}
      <div className={cn(!flush && "p-4")}>{children}</div>
    </section>
  );
}

/** The head of a page: what it is, in a line what it is for, and what can be done. */
export function PageHead({
  title,
  children,
  actions,
  back,
}: {
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  back?: ReactNode;
}) {
  return (
    <div className="mb-5 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        {back && <div className="mb-1 text-faint text-xs">{back}</div>}
        <h1 className="flex flex-wrap items-center gap-2 font-semibold text-xl tracking-tight">{title}</h1>
        {children && <div className="mt-0.5 max-w-3xl text-soft">{children}</div>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  );
}

/** Names with their values, as a list of definitions. */
export function Facts({
  items,
  className,
  columns = 2,
}: {
  items: ([ReactNode, ReactNode] | false | null | undefined | "" | 0)[];
  className?: string;
  columns?: 1 | 2;
}) {
  return (
    <dl className={cn("grid gap-x-8 gap-y-2.5", columns === 2 && "sm:grid-cols-2", className)}>
      {items.map(
        (item) =>
          item && (
            <div
              key={String(item[0])}
              className="flex min-w-0 items-baseline justify-between gap-4 border-line border-b pb-2 last:border-0"
            >
              <dt className="shrink-0 text-soft">{item[0]}</dt>
              <dd className="min-w-0 break-words text-right">{item[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** One figure with its name; with to it leads to what is behind it. */
export function Figure({
  label,
  value,
  note,
  to,
  search,
  tone,
}: {
  label: ReactNode;
  value: ReactNode;
  note?: ReactNode;
  to?: string;
  search?: Record<string, unknown>;
  tone?: "bad" | "warn";
}) {
  const inside = (
    <>
      <p className="text-soft text-xs">{label}</p>
      <p
        className={cn(
          "num mt-1 truncate font-semibold text-2xl tracking-tight",
          tone === "bad" && "text-bad",
          tone === "warn" && "text-warn",
        )}
      >
        {value}
      </p>
      <p className="mt-0.5 min-h-4 truncate text-faint text-xs">{note}</p>
    </>
  );
  const style = "block min-w-0 rounded-xl border border-line bg-surface px-4 py-3";
  return to ? (
    <Link
      to={to}
      search={search as never}
      className={cn(style, "transition-colors hover:border-line-strong hover:bg-sunken")}
    >
      {inside}
    </Link>
  ) : (
    <div className={style}>{inside}</div>
  );
}

/** Text as it was sent, such as JSON or a command, with a button that copies it. */
export function Code({ children, className, wrap }: { children: string; className?: string; wrap?: boolean }) {
  return (
    <div className={cn("group relative min-w-0 rounded-lg border border-line bg-sunken", className)}>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className={cn(
          "max-h-96 overflow-auto p-3 pr-11 font-mono text-xs leading-relaxed",
          wrap && "whitespace-pre-wrap break-all",
        )}
      >
        {children}
      </pre>
      <CopyButton text={children} className="absolute top-1.5 right-1.5 size-7! bg-sunken" />
    </div>
  );
}

/** JSON, indented. */
export const Json = ({ value, ...props }: { value: unknown } & Omit<ComponentProps<typeof Code>, "children">) => (
  <Code {...props}>{JSON.stringify(value, null, 2)}</Code>
);
