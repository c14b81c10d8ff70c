import { type ComponentProps, type FormEventHandler, type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { Dialog } from "./dialog";

type Props = Omit<ComponentProps<typeof Dialog>, "open" | "onOpenChange" | "footer"> & {
  form: { onSubmit: FormEventHandler; busy: boolean };
  onClose: () => void;
  /** What the button says that sends the form. */
  action: ReactNode;
  /** Stands before the buttons. */
  note?: ReactNode;
  className?: string;
};

/** A dialog that is a form: fields, and at its foot the way out and the way on. */
export function FormDialog({ form, onClose, action, note, children, className, ...props }: Props) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <Dialog
      {...props}
      open
      onOpenChange={onClose}
      footer={
        <>
          {note}
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" form={id} busy={form.busy}>
            {action}
          </Button>
        </>
      }
    >
      <form id={id} onSubmit={form.onSubmit} className={cn("space-y-4", className)} noValidate autoComplete="off">
        {children}
      </form>
    </Dialog>
  );
}
