import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client, type Schemas } from "@/api/client";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Card } from "@/ui/data";
import { ErrorNote } from "@/ui/feedback";
import { SecretShown } from "../webhooks/secret";

/** The secret that signs what is sent to an order's callback_url. */
export function CallbackSecret() {
  const { t } = useTranslation();
  const [shown, setShown] = useState<Schemas["SigningSecrets"] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [rotating, setRotating] = useState(false);
  const show = async () => {
    setError(null);
    try {
      const { data } = await client.POST("/api/me/webhook-secret");
      setShown(data ?? null);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Card title={t("profile.callbackSecret")}>
      <p className="mb-3 text-soft">{t("profile.callbackLead")}</p>
      {shown ? (
        <>
          <SecretShown secrets={shown.secrets} />
          <Button className="mt-3" onClick={() => setRotating(true)}>
            {t("webhooks.rotate")}
          </Button>
        </>
      ) : (
        <Button onClick={show}>{t("profile.show")}</Button>
      )}
      {error != null && <ErrorNote error={error} className="mt-3" />}
      {shown && (
        <Confirm
          open={rotating}
          onOpenChange={setRotating}
          danger={false}
          title={t("webhooks.rotateTitle")}
          action={t("webhooks.rotate")}
          run={async () => {
            const { data } = await client.POST("/api/me/webhook-secret/rotate", {
              body: { generation: shown.generation },
            });
            setShown(data ?? null);
          }}
        >
          {t("webhooks.rotateHint")}
        </Confirm>
      )}
    </Card>
  );
}
