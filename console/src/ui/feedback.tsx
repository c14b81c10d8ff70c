import { CircleAlert, Inbox, type LucideIcon, RotateCw, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { cn } from "@/lib/cn";
import { BesideFields, useErrorText } from "@/lib/errors";
import { Button, CopyButton } from "./button";

/** The place of something that comes in a moment, of its size. */
export const Skeleton = ({ className }: { className?: string }) => (
  <span aria-hidden className={cn("block animate-pulse rounded-md bg-sunken", className)} />
);

const tones = {
  bad: "border-bad/30 bg-bad-wash text-bad",
  warn: "border-warn/30 bg-warn-wash text-warn",
  ok: "border-ok/30 bg-ok-wash text-ok",
  info: "border-busy/30 bg-busy-wash text-busy",
};

/** A note in the page: something to know now. */
export function Note({
  tone = "info",
  title,
  children,
  className,
  action,
}: {
  tone?: keyof typeof tones;
  title?: ReactNode;
  children?: ReactNode;
  className?: string;
  action?: ReactNode;
}) {
  const Icon = tone === "warn" || tone === "bad" ? TriangleAlert : CircleAlert;
  return (
    <div className={cn("flex items-start gap-2.5 rounded-lg border px-3 py-2.5", tones[tone], className)}>
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1 break-words">
        {title && <p className="font-medium">{title}</p>}
        {children && <div className={cn(title ? "text-ink" : undefined)}>{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** Why something was refused, in the reader's language, with the request's id to hand on. */
export function ErrorNote({ error, className, retry }: { error: unknown; className?: string; retry?: () => void }) {
  const { t } = useTranslation();
  const say = useErrorText();
  const beside = error instanceof BesideFields;
  const text = beside ? t("common.seeFields") : say(error);
  const id = beside || error instanceof ApiError ? error.requestId : undefined;
  return (
    <div role="alert" className={cn("rounded-lg border px-3 py-2.5", tones.bad, className)}>
      <div className="flex items-start gap-2.5">
        <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
        <p className="min-w-0 flex-1 break-words">{text}</p>
        {retry && (
          <Button look="link" size="sm" onClick={retry} className="text-bad!">
            {t("common.tryAgain")}
          </Button>
        )}
      </div>
      {id && (
        <p className="mt-1 ml-6.5 flex items-center gap-1 text-xs">
          {t("common.requestId")} <code className="font-mono">{id}</code>
          <CopyButton text={id} className="size-6!" />
        </p>
      )}
    </div>
  );
}

/** In place of a page or list that could not be had. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const text = useErrorText()(error);
  const e = error instanceof ApiError ? error : undefined;
  return (
    <div role="alert" className="flex flex-col items-center px-6 py-16 text-center">
      <TriangleAlert className="size-8 text-bad" aria-hidden />
      <p className="mt-3 max-w-md font-medium">{text}</p>
      {e?.requestId && (
        <p className="mt-1 flex items-center gap-1 text-faint text-xs">
          {t("common.requestId")} <code className="font-mono">{e.requestId}</code>
          <CopyButton text={e.requestId} />
        </p>
      )}
      {retry && (
        <Button className="mt-4" onClick={retry}>
          <RotateCw aria-hidden />
          {t("common.tryAgain")}
        </Button>
      )}
    </div>
  );
}

/** In place of a list that has nothing: what would be here, and how it comes to be. */
export function Empty({
  icon: Icon = Inbox,
  title,
  children,
  action,
}: {
  icon?: LucideIcon;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center px-6 py-14 text-center">
      <span className="flex size-12 items-center justify-center rounded-full bg-sunken">
        <Icon className="size-5 text-faint" aria-hidden />
      </span>
      <p className="mt-3 font-medium">{title}</p>
      {children && <div className="mt-1 max-w-md text-soft">{children}</div>}
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}
