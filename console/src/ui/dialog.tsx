import { X } from "lucide-react";
import * as D from "radix-ui/dialog";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Button } from "./button";
import { useFocusBack } from "./focus";
import { Backdrop, panel } from "./panel";

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
  const focusBack = useFocusBack(open);
  return (
    <D.Root open={open} onOpenChange={onOpenChange}>
      <D.Portal>
        <Backdrop />
        <D.Content
          onCloseAutoFocus={focusBack}
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
          <div className="flex items-center gap-3 border-line border-b px-5 py-3">
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
