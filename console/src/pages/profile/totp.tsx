import qrcode from "qrcode-generator";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useMe } from "@/layout/session";
import { toast } from "@/lib/toast";
import { Button, CopyButton } from "@/ui/button";
import { Badge, Card } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { ErrorNote, Note } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";

/** Codes of an authenticator app besides the password. */
export function SecondFactor() {
  const { t } = useTranslation();
  const me = useMe();
  // What was begun goes on when the factor is on: its last step shows the recovery codes.
  const [doing, setDoing] = useState<"set-up" | "switch-off" | null>(null);
  return (
    <Card
      title={t("profile.totp")}
      action={<Badge tone={me.totp ? "ok" : "neutral"}>{me.totp ? t("profile.on") : t("profile.off")}</Badge>}
    >
      <p className="text-soft">{t("profile.totpLead")}</p>
      <Button className="mt-3" onClick={() => setDoing(me.totp ? "switch-off" : "set-up")}>
        {me.totp ? t("profile.totpOff") : t("profile.totpOn")}
      </Button>
      {doing === "set-up" && <SetUp onClose={() => setDoing(null)} />}
      {doing === "switch-off" && <SwitchOff onClose={() => setDoing(null)} />}
    </Card>
  );
}

function SetUp({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<Schemas["TOTPSetup"] | null>(null);
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const attempt = async (f: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await f();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const begin = () =>
    attempt(async () => {
      const { data } = await client.POST("/api/me/totp", { body: password ? { password } : {} });
      setBegun(data ?? null);
    });
  const confirm = () =>
    attempt(async () => {
      await client.POST("/api/me/totp/confirm", { body: { code: code.replace(/\s/g, "") } });
      setDone(true);
      await stale("/api/me");
    });
  return (
    <Dialog open onOpenChange={onClose} title={t("profile.totpOn")} size="sm">
      {done && begun ? (
        <div className="space-y-3">
          <Note tone="warn">{t("profile.recoveryHint")}</Note>
          <div className="rounded-lg border border-line bg-sunken p-3">
            <ul className="grid grid-cols-2 gap-1 font-mono">
              {(begun.recovery_codes ?? []).map((c) => (
                <li key={c}>{c}</li>
              ))}
            </ul>
          </div>
          <div className="flex justify-end gap-2">
            <CopyButton text={(begun.recovery_codes ?? []).join("\n")} label={t("common.copy")} />
            <Button look="primary" onClick={onClose}>
              {t("profile.kept")}
            </Button>
          </div>
        </div>
      ) : begun ? (
        <form
          className="space-y-4"
          onSubmit={(e) => {
            e.preventDefault();
            void confirm();
          }}
        >
          <p className="text-soft">{t("profile.scan")}</p>
          <QR text={begun.url} />
          <div className="flex items-center justify-center gap-1">
            <code className="break-all font-mono text-xs">{begun.secret}</code>
            <CopyButton text={begun.secret} />
          </div>
          <Field label={t("entry.code")}>
            <Input
              autoFocus
              inputMode="numeric"
              autoComplete="one-time-code"
              className="font-mono tracking-widest"
              value={code}
              onChange={(e) => setCode(e.target.value)}
            />
          </Field>
          {error != null && <ErrorNote error={error} />}
          <Button type="submit" look="primary" className="w-full" busy={busy} disabled={code.trim().length < 6}>
            {t("profile.confirm")}
          </Button>
        </form>
      ) : (
        <form
          className="space-y-4"
          onSubmit={(e) => {
            e.preventDefault();
            void begin();
          }}
        >
          {me.has_password && (
            <Field label={t("entry.password")} hint={t("profile.proveHint")}>
              <Input
                type="password"
                autoFocus
                autoComplete="current-password"
                value={password}
                onChange={(e) => setPassword(e.target.value)}
              />
            </Field>
          )}
          {error != null && <ErrorNote error={error} />}
          <Button type="submit" look="primary" className="w-full" busy={busy}>
            {t("common.next")}
          </Button>
        </form>
      )}
    </Dialog>
  );
}

function QR({ text }: { text: string }) {
  const { t } = useTranslation();
  const { path, size } = useMemo(() => {
    const code = qrcode(0, "M");
    code.addData(text);
    code.make();
    const n = code.getModuleCount();
    let d = "";
    for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) if (code.isDark(y, x)) d += `M${x} ${y}h1v1h-1z`;
    return { path: d, size: n };
  }, [text]);
  return (
    <svg
      viewBox={`-2 -2 ${size + 4} ${size + 4}`}
      role="img"
      aria-label={t("profile.qr")}
      className="mx-auto size-48 rounded-lg bg-white"
      shapeRendering="crispEdges"
    >
      <path d={path} fill="#000" />
    </svg>
  );
}

function SwitchOff({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await client.POST("/api/me/totp/disable", {
        body: { ...(password && { password }), ...(code && { code: code.replace(/\s/g, "") }) },
      });
      await stale("/api/me");
      toast.success(t("profile.totpIsOff"));
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={onClose} title={t("profile.totpOff")} size="sm">
      <form
        className="space-y-4"
        onSubmit={(e) => {
          e.preventDefault();
          void go();
        }}
      >
        {me.has_password && (
          <Field label={t("entry.password")}>
            <Input
              type="password"
              autoFocus
              autoComplete="current-password"
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
          </Field>
        )}
        <Field label={t("entry.code")} hint={t("profile.codeOrRecovery")}>
          <Input
            inputMode="numeric"
            autoComplete="one-time-code"
            value={code}
            onChange={(e) => setCode(e.target.value)}
          />
        </Field>
        {error != null && <ErrorNote error={error} />}
        <Button type="submit" look="dangerFull" className="w-full" busy={busy}>
          {t("profile.totpOff")}
        </Button>
      </form>
    </Dialog>
  );
}
