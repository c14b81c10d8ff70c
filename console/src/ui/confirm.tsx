import * as AlertDialog from "radix-ui/alert-dialog";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { ErrorNote } from "./feedback";
import { useFocusBack } from "./focus";
import { Input } from "./form";
import { appear, Backdrop, panel } from "./panel";

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
  const focusBack = useFocusBack(open);
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
          onCloseAutoFocus={focusBack}
          className={cn(
            panel,
            appear,
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
