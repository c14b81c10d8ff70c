import { Link, useRouter } from "@tanstack/react-router";
import { Compass, Lock } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button";
import { Empty, Failure } from "@/ui/feedback";
import { useIsAdmin } from "./session";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Empty
      icon={Compass}
      title={t("shell.notFound")}
      action={
        <Button asChild>
          <Link to="/">{t("shell.home")}</Link>
        </Button>
      }
    >
      {t("shell.notFoundHint")}
    </Empty>
  );
}

/** A page that could not be shown, for want of its data or of a chunk of code. */
export function Broken({ error }: { error: unknown }) {
  const router = useRouter();
  const chunk = error instanceof TypeError && /import|module/i.test(error.message);
  // After an update the old page asks for code that is gone: the new page has it.
  return <Failure error={error} retry={() => (chunk ? location.reload() : void router.invalidate())} />;
}

/** Shows a page to administrators, and tells others whom to ask. */
export function AdminOnly({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  if (useIsAdmin()) return children;
  return (
    <Empty icon={Lock} title={t("shell.noPermission")}>
      {t("shell.noPermissionHint")}
    </Empty>
  );
}
