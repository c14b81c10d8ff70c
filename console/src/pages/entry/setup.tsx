import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, client } from "@/api/client";
import { meQuery, queries } from "@/api/queries";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Code } from "@/ui/data";
import { ErrorNote, Note } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { filled, newPassword, useEntryForm } from "./form";
import { EntryFrame } from "./frame";

const fields = ["name", "password"] as const;
const keys = ["token"] as const;

/** Makes the first administrator, by the link that the gateway printed. */
export default function Setup() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [{ token }] = useSearchState(keys);
  const state = api.useQuery("get", "/api/setup");
  const form = useEntryForm({
    fields,
    checks: { name: filled("entry.nameMissing"), password: newPassword },
    submit: async (values) => {
      const { data } = await client.POST("/api/setup", { body: { ...values, token: token ?? "" } });
      if (!data) return;
      queries.clear();
      queries.setQueryData(meQuery.queryKey, data);
      await navigate({ to: "/", replace: true });
    },
  });
  if (state.data && !state.data.needed) {
    return (
      <EntryFrame title={t("entry.setupDone")} lead={t("entry.setupDoneLead")}>
        <Button look="primary" className="w-full" onClick={() => navigate({ to: "/sign-in" })}>
          {t("entry.signIn")}
        </Button>
      </EntryFrame>
    );
  }
  if (!token) {
    return (
      <EntryFrame title={t("entry.setup")} lead={t("entry.setupLink")}>
        <Code>one-api setup</Code>
      </EntryFrame>
    );
  }
  return (
    <EntryFrame title={t("entry.setup")} lead={t("entry.setupLead")}>
      <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
        <Field label={t("entry.name")} error={form.error("name")}>
          <Input autoComplete="username" autoCapitalize="none" spellCheck={false} name="name" defaultValue="root" />
        </Field>
        <Field label={t("entry.password")} hint={t("entry.passwordLength")} error={form.error("password")}>
          <Input type="password" autoComplete="new-password" autoFocus name="password" />
        </Field>
        {form.refused != null && (
          <>
            <ErrorNote error={form.refused} />
            <Note tone="info">{t("entry.setupAgain")}</Note>
          </>
        )}
        <Button type="submit" look="primary" className="w-full" busy={form.busy}>
          {t("entry.makeAdmin")}
        </Button>
      </form>
    </EntryFrame>
  );
}
