import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "@/api/client";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { ErrorNote, Note } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { newPassword, useEntryForm } from "./form";
import { EntryFrame } from "./frame";

const fields = ["password"] as const;
const keys = ["token"] as const;

/** Sets a new password, by the link that an administrator handed out. */
export default function Reset() {
  const { t } = useTranslation();
  const [{ token }] = useSearchState(keys);
  const [done, setDone] = useState(false);
  const form = useEntryForm({
    fields,
    checks: { password: newPassword },
    submit: async ({ password }) => {
      await client.POST("/api/reset", { body: { token: token ?? "", password } });
      setDone(true);
    },
  });
  return (
    <EntryFrame title={t("entry.reset")} lead={done ? undefined : t("entry.resetLead")}>
      {done ? (
        <>
          <Note tone="ok">{t("entry.resetDone")}</Note>
          <Button asChild look="primary" className="w-full">
            <Link to="/sign-in">{t("entry.signIn")}</Link>
          </Button>
        </>
      ) : (
        <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
          <Field label={t("entry.newPassword")} hint={t("entry.passwordLength")} error={form.error("password")}>
            <Input type="password" autoComplete="new-password" autoFocus name="password" />
          </Field>
          {form.refused != null && <ErrorNote error={form.refused} />}
          <Button type="submit" look="primary" className="w-full" busy={form.busy}>
            {t("entry.setPassword")}
          </Button>
        </form>
      )}
    </EntryFrame>
  );
}
