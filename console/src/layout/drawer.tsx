import { X } from "lucide-react";
import * as Dialog from "radix-ui/dialog";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/ui/button";
import { useFocusBack } from "@/ui/focus";
import { Backdrop } from "@/ui/panel";
import { Brand, SideBar } from "./shell";

/** The side bar where there is no room for it: it comes in from the edge. */
export default function Drawer({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const focusBack = useFocusBack(true);
  return (
    <Dialog.Root open onOpenChange={onClose}>
      <Dialog.Portal>
        <Backdrop />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={focusBack}
          className="fixed inset-y-0 left-0 z-50 flex w-64 animate-[slide-left_160ms_ease-out] flex-col bg-surface shadow-float outline-none"
        >
          <Dialog.Title className="sr-only">{t("shell.navigation")}</Dialog.Title>
          <div className="flex items-center justify-between pr-2">
            <Brand />
            <Dialog.Close asChild>
              <IconButton label={t("common.close")}>
                <X aria-hidden />
              </IconButton>
            </Dialog.Close>
          </div>
          <SideBar />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
