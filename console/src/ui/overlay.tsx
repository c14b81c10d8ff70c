import { X } from "lucide-react";
import { AlertDialog, Dialog as D, DropdownMenu, Popover as P, Tooltip } from "radix-ui";
import { type ComponentProps, type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { ErrorNote } from "./feedback";
import { Input } from "./form";

const panel = "z-50 rounded-xl border border-line bg-surface text-ink shadow-float outline-none";
const pop = "animate-[appear_120ms_ease-out]";

/**
 * What lies behind a dialog. Radix's own writes a style element that keeps the
 * page from scrolling, which our content security policy forbids; main.css does
 * that instead.
 */
export const Backdrop = () => (
  <div className="fixed inset-0 z-40 animate-[appear_120ms_ease-out] bg-black/45" aria-hidden />
);

/** A word or two on hover and focus. */
export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-60 max-w-80 rounded-md bg-ink px-2 py-1 text-bg text-xs shadow-float"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  /** Buttons at the foot. */
  footer?: ReactNode;
  size?: "sm" | "md" | "lg" | "xl";
  /** side: a sheet at the right edge, for long forms. */
  side?: boolean;
};

const widths = { sm: "sm:max-w-md", md: "sm:max-w-xl", lg: "sm:max-w-3xl", xl: "sm:max-w-5xl" };

/** A dialog, or with side a sheet at the edge. Its content scrolls between title and footer. */
export function Dialog({ open, onOpenChange, title, description, children, footer, size = "md", side }: DialogProps) {
  const { t } = useTranslation();
  return (
    <D.Root open={open} onOpenChange={onOpenChange}>
      <D.Portal>
        <Backdrop />
        <D.Content
          {...(description ? {} : { "aria-describedby": undefined })}
          className={cn(
            panel,
            "fixed flex w-full flex-col",
            side
              ? "inset-y-0 right-0 max-w-full animate-[slide_180ms_ease-out] rounded-r-none max-sm:rounded-l-none"
              : "inset-x-0 bottom-0 max-h-[92dvh] animate-[appear_140ms_ease-out] rounded-b-none sm:inset-x-auto sm:top-1/2 sm:bottom-auto sm:left-1/2 sm:max-h-[88dvh] sm:-translate-x-1/2 sm:-translate-y-1/2 sm:rounded-b-xl",
            widths[size],
          )}
        >
          <div className="flex items-start gap-3 border-line border-b px-5 py-3.5">
            <div className="min-w-0 flex-1">
              <D.Title className="font-semibold text-base">{title}</D.Title>
              {description && <D.Description className="mt-0.5 text-soft">{description}</D.Description>}
            </div>
            <D.Close asChild>
              <Button look="ghost" size="iconSm" aria-label={t("common.close")} className="-mr-2">
                <X aria-hidden />
              </Button>
            </D.Close>
          </div>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 py-4">{children}</div>
          {footer && (
            <div className="flex flex-wrap items-center justify-end gap-2 border-line border-t px-5 py-3">{footer}</div>
          )}
        </D.Content>
      </D.Portal>
    </D.Root>
  );
}

type ConfirmProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  /** What will happen, to what, and whether it can be undone. */
  children: ReactNode;
  action: string;
  /** The name that must be typed first, for what cannot be undone. */
  name?: string;
  danger?: boolean;
  run: () => Promise<unknown>;
};

/** Asks before something is done. It stays open while it is done, and shows why it was refused. */
export function Confirm({ open, onOpenChange, title, children, action, name, danger = true, run }: ConfirmProps) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const change = (o: boolean) => {
    if (busy) return;
    setTyped("");
    setError(null);
    onOpenChange(o);
  };
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await run();
      setTyped("");
      onOpenChange(false);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const ready = !name || typed.trim() === name;
  return (
    <AlertDialog.Root open={open} onOpenChange={change}>
      <AlertDialog.Portal>
        <Backdrop />
        <AlertDialog.Content
          className={cn(
            panel,
            pop,
            "fixed top-1/2 left-1/2 w-[calc(100%-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 p-5",
          )}
        >
          <form
            onSubmit={(e) => {
              e.preventDefault();
              if (ready) void go();
            }}
          >
            <AlertDialog.Title className="font-semibold text-base">{title}</AlertDialog.Title>
            <AlertDialog.Description asChild>
              <div className="mt-1.5 text-soft">{children}</div>
            </AlertDialog.Description>
            {name && (
              <label htmlFor={id} className="mt-4 block">
                <span className="mb-1 block text-soft">
                  {t("common.typeToConfirm")} <code className="rounded bg-sunken px-1 font-mono text-ink">{name}</code>
                </span>
                <Input id={id} value={typed} onChange={(e) => setTyped(e.target.value)} autoComplete="off" />
              </label>
            )}
            {error != null && <ErrorNote error={error} className="mt-4" />}
            <div className="mt-5 flex justify-end gap-2">
              <AlertDialog.Cancel asChild>
                <Button>{t("common.cancel")}</Button>
              </AlertDialog.Cancel>
              <Button type="submit" look={danger ? "dangerFull" : "primary"} busy={busy} disabled={!ready}>
                {action}
              </Button>
            </div>
          </form>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

/** A menu that hangs from its trigger. */
export function Menu({
  trigger,
  children,
  align = "end",
}: {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className={cn(
            panel,
            pop,
            "max-h-(--radix-dropdown-menu-content-available-height) min-w-44 overflow-y-auto p-1",
          )}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const item =
  "flex select-none items-center gap-2 rounded-md px-2 py-1.5 outline-none data-[disabled]:opacity-50 data-[highlighted]:bg-sunken [&_svg]:size-4 [&_svg]:text-faint";

export function MenuItem({
  danger,
  className,
  ...props
}: ComponentProps<typeof DropdownMenu.Item> & { danger?: boolean }) {
  return (
    <DropdownMenu.Item
      className={cn(
        item,
        "cursor-pointer",
        danger && "text-bad data-[highlighted]:bg-bad-wash [&_svg]:text-bad",
        className,
      )}
      {...props}
    />
  );
}

/** A menu entry that is ticked or not. The menu stays open. */
export function MenuCheck({ children, ...props }: ComponentProps<typeof DropdownMenu.CheckboxItem>) {
  return (
    <DropdownMenu.CheckboxItem className={cn(item, "cursor-pointer")} onSelect={(e) => e.preventDefault()} {...props}>
      <span className="flex size-4 items-center justify-center rounded border border-line-strong">
        <DropdownMenu.ItemIndicator>
          <span className="block size-2 rounded-xs bg-accent" />
        </DropdownMenu.ItemIndicator>
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

/** Menu entries of which one is chosen. */
export function MenuChoice<T extends string>({
  value,
  onChange,
  options,
}: {
  value: T;
  onChange: (v: T) => void;
  options: [T, ReactNode][];
}) {
  return (
    <DropdownMenu.RadioGroup value={value} onValueChange={(v) => onChange(v as T)}>
      {options.map(([v, label]) => (
        <DropdownMenu.RadioItem key={v} value={v} className={cn(item, "cursor-pointer")}>
          <span className="flex size-4 items-center justify-center">
            <DropdownMenu.ItemIndicator>
              <span className="block size-1.5 rounded-full bg-accent" />
            </DropdownMenu.ItemIndicator>
          </span>
          {label}
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="px-2 pt-2 pb-1 font-medium text-faint text-xs">{children}</DropdownMenu.Label>
);
export const MenuLine = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />;

/** A panel that hangs from its trigger, for a few controls. */
export function Popover({
  trigger,
  children,
  className,
  ...props
}: ComponentProps<typeof P.Root> & { trigger: ReactNode; className?: string }) {
  return (
    <P.Root {...props}>
      <P.Trigger asChild>{trigger}</P.Trigger>
      <P.Portal>
        <P.Content align="start" sideOffset={6} collisionPadding={8} className={cn(panel, pop, "p-3", className)}>
          {children}
        </P.Content>
      </P.Portal>
    </P.Root>
  );
}
