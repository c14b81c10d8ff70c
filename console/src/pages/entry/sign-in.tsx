import { Link, useNavigate } from "@tanstack/react-router";
import { Fingerprint, LogIn } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api, client, type Schemas } from "@/api/client";
import { meQuery, queries } from "@/api/queries";
import { landing } from "@/layout/session";
import { getPasskey } from "@/lib/passkey";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { ErrorNote, Note } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { filled, useEntryForm } from "./form";
import { EntryFrame } from "./frame";

const fields = ["name", "password", "code"] as const;

const keys = ["to", "ended", "problem", "ticket", "name"] as const;

export default function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search] = useSearchState(keys);
  const methods = api.useQuery("get", "/api/session/methods");
  const [second, setSecond] = useState<"none" | "totp" | "recovery">("none");
  const [failed, setFailed] = useState<unknown>(null);
  const [passkeyBusy, setPasskeyBusy] = useState(false);

  const enter = async (me: Schemas["Me"]) => {
    queries.clear();
    queries.setQueryData(meQuery.queryKey, me);
    await navigate({ to: landing(search.to), replace: true });
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    // A link signs in once; who is signed in already has nothing to do here.
    const opened = search.ticket
      ? client.POST("/api/session/link", { body: { ticket: search.ticket } }).then(({ data }) => data)
      : queries.fetchQuery({ ...meQuery, retry: false, staleTime: 0 });
    opened.then(
      (me) => me && enter(me),
      (error) => search.ticket && setFailed(error),
    );
  }, []);

  const form = useEntryForm({
    fields,
    checks: {
      name: filled("entry.nameMissing"),
      password: filled("entry.passwordMissing"),
      code: filled("entry.codeMissing"),
    },
    names: { totp: "code", recovery_code: "code" },
    submit: async ({ name, password, code }) => {
      setFailed(null);
      try {
        const { data } = await client.POST("/api/session", {
          body: {
            name,
            password,
            ...(second === "totp" && { totp: code.replace(/\s/g, "") }),
            ...(second === "recovery" && { recovery_code: code.trim() }),
          },
        });
        if (data) await enter(data);
      } catch (error) {
        if (error instanceof ApiError && error.code === "totp_required") {
          setSecond("totp");
          return;
        }
        throw error;
      }
    },
  });

  const passkey = async () => {
    setFailed(null);
    setPasskeyBusy(true);
    try {
      const { data: begun } = await client.POST("/api/session/passkey/begin");
      if (!begun) return;
      const credential = await getPasskey(begun.options);
      const { data } = await client.POST("/api/session/passkey", { body: { ceremony: begun.ceremony, credential } });
      if (data) await enter(data);
    } catch (error) {
      // The reader closed the browser's dialog: no error of ours.
      if (!(error instanceof DOMException)) setFailed(error);
    } finally {
      setPasskeyBusy(false);
    }
  };

  const m = methods.data;
  return (
    <EntryFrame
      title={t("entry.signIn")}
      foot={
        <>
          {m && m.registration !== "closed" && (
            <p>
              <Link to="/register" className="text-accent-strong hover:underline">
                {t("entry.register")}
              </Link>
            </p>
          )}
          <p className="mt-1">
            <Link to="/pricing" className="hover:underline">
              {t("nav.pricing")}
            </Link>
          </p>
        </>
      }
    >
      {search.ended && <Note tone="info">{t("entry.ended")}</Note>}
      {search.problem && <ErrorNote error={new ApiError(403, search.problem, t("entry.providerRefused"))} />}
      {methods.error != null && <ErrorNote error={methods.error} retry={() => methods.refetch()} />}
      <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
        {/* The first step stays in the form: its values are sent again with the code. */}
        <div hidden={second !== "none"} className="space-y-4">
          <Field label={t("entry.name")} error={form.error("name")}>
            <Input
              autoComplete="username webauthn"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              name="name"
              defaultValue={search.name}
            />
          </Field>
          <Field label={t("entry.password")} error={form.error("password")}>
            <Input type="password" autoComplete="current-password" name="password" />
          </Field>
        </div>
        {second !== "none" && (
          <Field
            label={second === "totp" ? t("entry.code") : t("entry.recoveryCode")}
            hint={second === "totp" ? t("entry.codeHint") : t("entry.recoveryHint")}
            error={form.error("code")}
          >
            <Input
              key={second}
              autoComplete="one-time-code"
              inputMode={second === "totp" ? "numeric" : "text"}
              autoFocus
              className="font-mono tracking-widest"
              name="code"
            />
          </Field>
        )}
        {form.refused != null && <ErrorNote error={form.refused} />}
        <Button type="submit" look="primary" className="w-full" busy={form.busy}>
          <LogIn aria-hidden />
          {t("entry.signIn")}
        </Button>
        {second !== "none" && (
          <div className="flex justify-between">
            <Button look="link" onClick={() => setSecond("none")}>
              {t("common.back")}
            </Button>
            <Button look="link" onClick={() => setSecond(second === "totp" ? "recovery" : "totp")}>
              {second === "totp" ? t("entry.useRecovery") : t("entry.useApp")}
            </Button>
          </div>
        )}
      </form>
      {second === "none" && (m?.passkeys || m?.oidc) && (
        <div className="space-y-2 border-line border-t pt-4">
          {m.passkeys && "credentials" in navigator && (
            <Button className="w-full" onClick={passkey} busy={passkeyBusy}>
              <Fingerprint aria-hidden />
              {t("entry.passkey")}
            </Button>
          )}
          {m.oidc && (
            <Button asChild className="w-full">
              <a href="/api/session/oidc">{t("entry.oidc", { provider: m.oidc })}</a>
            </Button>
          )}
        </div>
      )}
      {failed != null && <ErrorNote error={failed} />}
    </EntryFrame>
  );
}
