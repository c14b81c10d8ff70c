import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, client } from "@/api/client";
import { meQuery, queries } from "@/api/queries";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { ErrorNote, Note } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { filled, newPassword, useEntryForm } from "./form";
import { EntryFrame } from "./frame";

const fields = ["name", "password", "invitation"] as const;
const keys = ["invitation"] as const;

/** Makes an account, where the operator lets people do that. */
export default function Register() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search] = useSearchState(keys);
  const methods = api.useQuery("get", "/api/session/methods");
  const form = useEntryForm({
    fields,
    checks: { name: filled("entry.nameMissing"), password: newPassword },
    submit: async ({ name, password, invitation }) => {
      const { data } = await client.POST("/api/register", {
        body: { name, password, ...(invitation && { invitation }) },
      });
      if (!data) return;
      queries.clear();
      queries.setQueryData(meQuery.queryKey, data);
      await navigate({ to: "/", replace: true });
    },
  });
  const how = methods.data?.registration;
  return (
    <EntryFrame
      title={t("entry.register")}
      foot={
        <Link to="/sign-in" className="text-accent-strong hover:underline">
          {t("entry.haveAccount")}
        </Link>
      }
    >
      {how === "closed" ? (
        <Note tone="info">{t("entry.registrationClosed")}</Note>
      ) : (
        <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
          <Field label={t("entry.name")} error={form.error("name")}>
            <Input autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus name="name" />
          </Field>
          <Field label={t("entry.password")} hint={t("entry.passwordLength")} error={form.error("password")}>
            <Input type="password" autoComplete="new-password" name="password" />
          </Field>
          {(how === "invite" || search.invitation) && (
            <Field label={t("entry.invitation")} error={form.error("invitation")}>
              <Input autoComplete="off" spellCheck={false} name="invitation" defaultValue={search.invitation} />
            </Field>
          )}
          {form.refused != null && <ErrorNote error={form.refused} />}
          <Button type="submit" look="primary" className="w-full" busy={form.busy}>
            {t("entry.makeAccount")}
          </Button>
        </form>
      )}
    </EntryFrame>
  );
}
