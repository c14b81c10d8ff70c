import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Button, CopyButton } from "@/ui/button";
import { Code } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Note } from "@/ui/feedback";
import { Segments } from "@/ui/form";

/** A new token, this once, with what to paste where. */
export function CreatedToken({ token, onClose }: { token: Schemas["CreatedToken"]; onClose: () => void }) {
  const { t } = useTranslation();
  const [way, setWay] = useState<"curl" | "kling" | "env">("curl");
  const text = {
    curl: token.snippets.curl,
    env: token.snippets.env,
    kling: `base URL    ${token.snippets.base_url}\nAccessKey   ${token.access_key}\nSecretKey   ${token.secret_key}`,
  }[way];
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t("tokens.madeTitle", { name: token.name })}
      footer={
        <Button look="primary" onClick={onClose}>
          {t("tokens.kept")}
        </Button>
      }
    >
      <div className="space-y-4">
        <Note tone="warn">{t("tokens.shownOnce")}</Note>
        <div className="flex items-center gap-2 rounded-lg border border-line bg-sunken px-3 py-2">
          <code data-testid="token" className="min-w-0 flex-1 break-all font-mono">
            {token.token}
          </code>
          <CopyButton text={token.token} label={t("common.copy")} />
        </div>
        {token.warnings.map((w) => (
          <Note key={w} tone="warn">
            {w}
          </Note>
        ))}
        <div className="space-y-2">
          <Segments
            label={t("tokens.useWith")}
            value={way}
            onChange={setWay}
            options={[
              ["curl", "curl"],
              ["kling", t("tokens.klingClient")],
              ["env", t("tokens.environment")],
            ]}
          />
          <Code wrap>{text}</Code>
          {way === "kling" && <p className="text-faint text-xs">{t("tokens.klingHint")}</p>}
        </div>
      </div>
    </Dialog>
  );
}
