import { RotateCw } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { Button, CopyButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { ErrorNote, Note, Skeleton } from "@/ui/feedback";

/** Signing secrets, each with how long it is still used. */
export function SecretShown({ secrets }: { secrets: Schemas["SigningSecret"][] }) {
  const { t } = useTranslation();
  return (
    <div className="space-y-3">
      <Note tone="info">{t("webhooks.secretHint")}</Note>
      {secrets.map((s) => (
        <div key={s.secret}>
          <div className="flex items-center gap-2 rounded-lg border border-line bg-sunken px-3 py-2">
            <code className="min-w-0 flex-1 break-all font-mono text-xs">{s.secret}</code>
            <CopyButton text={s.secret} />
          </div>
          {s.until && (
            <p className="mt-1 text-faint text-xs">
              {t("webhooks.oldUntil")} <When at={s.until} full />
            </p>
          )}
        </div>
      ))}
    </div>
  );
}

/** The secret of an endpoint, and its rotation. */
export function Secret({ endpoint, onClose }: { endpoint: Schemas["Webhook"]; onClose: () => void }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<Schemas["SigningSecrets"] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [rotating, setRotating] = useState(false);
  const path = { params: { path: { id: endpoint.id } } };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for an endpoint
  useEffect(() => {
    client.POST("/api/webhooks/{id}/secret", path).then(({ data }) => setShown(data ?? null), setError);
  }, [endpoint.id]);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t("webhooks.secret")}
      footer={
        <Button onClick={() => setRotating(true)}>
          <RotateCw aria-hidden />
          {t("webhooks.rotate")}
        </Button>
      }
    >
      {error != null ? (
        <ErrorNote error={error} />
      ) : shown ? (
        <SecretShown secrets={shown.secrets} />
      ) : (
        <Skeleton className="h-20" />
      )}
      <Confirm
        open={rotating}
        onOpenChange={setRotating}
        danger={false}
        title={t("webhooks.rotateTitle")}
        action={t("webhooks.rotate")}
        run={async () => {
          await client.POST("/api/webhooks/{id}/rotate", { ...path, body: { version: endpoint.version } });
          const { data } = await client.POST("/api/webhooks/{id}/secret", path);
          setShown(data ?? null);
          await stale("/api/webhooks");
        }}
      >
        {t("webhooks.rotateHint")}
      </Confirm>
    </Dialog>
  );
}
