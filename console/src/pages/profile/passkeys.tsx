import { Fingerprint, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { hasPasskeys, makePasskey } from "@/lib/passkey";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Card, When } from "@/ui/data";
import { ErrorNote, Note } from "@/ui/feedback";
import { Input } from "@/ui/form";

/** Keys of the reader's devices, in place of a password. */
export function Passkeys() {
  const { t } = useTranslation();
  const methods = api.useQuery("get", "/api/session/methods", {}, { staleTime: 600_000 });
  const { data } = api.useQuery("get", "/api/me/passkeys");
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [deleted, setDeleted] = useState<Schemas["Passkey"] | null>(null);
  const can = methods.data?.passkeys && hasPasskeys();
  const add = async () => {
    setBusy(true);
    setError(null);
    try {
      const { data: begun } = await client.POST("/api/me/passkeys/begin");
      if (!begun) return;
      const credential = await makePasskey(begun.options);
      await client.POST("/api/me/passkeys", {
        body: { ceremony: begun.ceremony, credential, name: name.trim() || navigator.platform || "passkey" },
      });
      setName("");
      await stale("/api/me");
      toast.success(t("profile.passkeyAdded"));
    } catch (e) {
      // The reader closed the browser's dialog: no error of ours.
      if (!(e instanceof DOMException)) setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title={t("profile.passkeys")}>
      <p className="text-soft">{t("profile.passkeysLead")}</p>
      {(data?.items.length ?? 0) > 0 && (
        <ul className="mt-3 divide-y divide-line rounded-lg border border-line">
          {data?.items.map((k) => (
            <li key={k.id} className="flex items-center gap-3 px-3 py-2">
              <Fingerprint className="size-4 text-faint" aria-hidden />
              <span className="min-w-0 flex-1 truncate">
                {k.name}
                <span className="block text-faint text-xs">
                  {t("profile.lastUsed")} <When at={k.last_used_at ?? k.created_at} ago />
                </span>
              </span>
              <IconButton label={t("common.remove", { name: k.name })} onClick={() => setDeleted(k)}>
                <Trash2 aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      {can ? (
        <form
          className="mt-3 flex flex-wrap gap-2"
          onSubmit={(e) => {
            e.preventDefault();
            void add();
          }}
        >
          <Input
            aria-label={t("profile.passkeyName")}
            placeholder={t("profile.passkeyName")}
            value={name}
            onChange={(e) => setName(e.target.value)}
            className="min-w-0 flex-1 basis-40"
          />
          <Button type="submit" busy={busy}>
            {t("profile.addPasskey")}
          </Button>
        </form>
      ) : (
        methods.data && (
          <Note tone="info" className="mt-3">
            {t("profile.noPasskeys")}
          </Note>
        )
      )}
      {error != null && <ErrorNote error={error} className="mt-3" />}
      {deleted && (
        <Confirm
          open
          onOpenChange={() => setDeleted(null)}
          title={t("profile.deletePasskey", { name: deleted.name })}
          action={t("common.delete")}
          run={async () => {
            await client.DELETE("/api/me/passkeys/{id}", { params: { path: { id: deleted.id } } });
            await stale("/api/me");
          }}
        >
          {t("profile.deletePasskeyHint")}
        </Confirm>
      )}
    </Card>
  );
}
