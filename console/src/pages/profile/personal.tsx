import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { Button, CopyButton, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Card, When } from "@/ui/data";
import { ErrorNote, Note } from "@/ui/feedback";
import { Input, Select } from "@/ui/form";

/** Tokens with which scripts use the management API as this user. */
export function PersonalTokens() {
  const { t } = useTranslation();
  const { data } = api.useQuery("get", "/api/me/personal-tokens");
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [made, setMade] = useState<Schemas["PersonalToken"] | null>(null);
  const [deleted, setDeleted] = useState<Schemas["PersonalToken"] | null>(null);
  const make = async () => {
    setBusy(true);
    setError(null);
    try {
      const { data: token } = await client.POST("/api/me/personal-tokens", {
        body: {
          name: name.trim(),
          ...(days && { expires_at: new Date(Date.now() + Number(days) * 86_400_000).toISOString() }),
        },
      });
      setMade(token ?? null);
      setName("");
      await stale("/api/me/personal-tokens");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title={t("profile.personal")}>
      <p className="text-soft">
        {t("profile.personalLead")}{" "}
        <a href="/api/docs" className="text-accent-strong underline">
          {t("nav.apiDocs")}
        </a>
      </p>
      {(data?.items.length ?? 0) > 0 && (
        <ul className="mt-3 divide-y divide-line rounded-lg border border-line">
          {data?.items.map((k) => (
            <li key={k.id} className="flex items-center gap-3 px-3 py-2">
              <span className="min-w-0 flex-1">
                {k.name} <code className="font-mono text-faint text-xs">{k.prefix}…</code>
                <span className="block text-faint text-xs">
                  {t("profile.lastUsed")} {k.last_used_at ? <When at={k.last_used_at} ago /> : t("common.never")}
                  {k.expires_at && (
                    <>
                      {" · "}
                      {t("profile.expires")} <When at={k.expires_at} ago />
                    </>
                  )}
                </span>
              </span>
              <IconButton label={t("common.remove", { name: k.name })} onClick={() => setDeleted(k)}>
                <Trash2 aria-hidden />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      {made?.token && (
        <Note tone="warn" className="mt-3" title={t("profile.personalOnce")}>
          <span className="flex items-center gap-2">
            <code className="min-w-0 break-all font-mono text-xs">{made.token}</code>
            <CopyButton text={made.token} />
          </span>
        </Note>
      )}
      <form
        className="mt-3 flex flex-wrap gap-2"
        onSubmit={(e) => {
          e.preventDefault();
          if (name.trim()) void make();
        }}
      >
        <Input
          aria-label={t("common.name")}
          placeholder={t("profile.personalName")}
          value={name}
          onChange={(e) => setName(e.target.value)}
          className="min-w-0 flex-1 basis-40"
        />
        <Select
          aria-label={t("profile.expires")}
          value={days}
          onChange={(e) => setDays(e.target.value)}
          className="w-36!"
        >
          {["30", "90", "365"].map((d) => (
            <option key={d} value={d}>
              {t("common.inDays", { count: Number(d) })}
            </option>
          ))}
          <option value="">{t("common.never")}</option>
        </Select>
        <Button type="submit" busy={busy} disabled={!name.trim()}>
          {t("common.create")}
        </Button>
      </form>
      {error != null && <ErrorNote error={error} className="mt-3" />}
      {deleted && (
        <Confirm
          open
          onOpenChange={() => setDeleted(null)}
          title={t("profile.deletePersonal", { name: deleted.name })}
          action={t("common.delete")}
          run={async () => {
            await client.DELETE("/api/me/personal-tokens/{id}", { params: { path: { id: deleted.id } } });
            await stale("/api/me/personal-tokens");
          }}
        >
          {t("profile.deletePersonalHint")}
        </Confirm>
      )}
    </Card>
  );
}
