import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client } from "@/api/client";
import { stale } from "@/api/queries";
import { useMe } from "@/layout/session";
import { useEditForm } from "@/lib/form";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Card, PageHead } from "@/ui/data";
import { ErrorNote } from "@/ui/feedback";
import { Field, FieldRow, Input } from "@/ui/form";
import { CallbackSecret } from "./callback";
import { Linked } from "./linked";
import { Passkeys } from "./passkeys";
import { PersonalTokens } from "./personal";
import { Sessions } from "./sessions";
import { SecondFactor } from "./totp";

/** One's own name, ways to sign in, and keys. */
export default function Profile() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <>
      <PageHead title={t("nav.profile")}>
        {me.name} · {t(`role.${me.role}`)} · {t("shell.inGroup", { group: me.group })}
      </PageHead>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="min-w-0 space-y-4">
          <Person key={me.version} />
          <Password />
          <SecondFactor />
          <Passkeys />
          <Linked />
        </div>
        <div className="min-w-0 space-y-4">
          <Sessions />
          <PersonalTokens />
          <CallbackSecret />
        </div>
      </div>
    </>
  );
}

const person = z.object({ display_name: z.string().max(64), email: z.string().max(254) });

function Person() {
  const { t } = useTranslation();
  const me = useMe();
  const form = useEditForm<z.infer<typeof person>>({
    schema: person,
    values: { display_name: me.display_name, email: me.email },
    submit: async (v) => {
      await client.PATCH("/api/me", { body: { ...v, version: me.version } });
      await stale("/api/me");
      toast.success(t("common.saved"));
    },
  });
  return (
    <Card title={t("profile.me")}>
      <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
        <FieldRow>
          <Field label={t("profile.displayName")} error={form.error("display_name")}>
            <Input autoComplete="name" {...form.register("display_name")} />
          </Field>
          <Field label={t("profile.email")} error={form.error("email")}>
            <Input type="email" autoComplete="email" {...form.register("email")} />
          </Field>
        </FieldRow>
        {form.refused != null && <ErrorNote error={form.refused} />}
        <Button type="submit" look="primary" busy={form.busy} disabled={!form.formState.isDirty}>
          {t("common.save")}
        </Button>
      </form>
    </Card>
  );
}

const passwords = z.object({
  old_password: z.string(),
  password: z.string().min(10, "entry.passwordLength").max(256, "entry.passwordLength"),
});

function Password() {
  const { t } = useTranslation();
  const me = useMe();
  const form = useEditForm<z.infer<typeof passwords>>({
    schema: passwords,
    values: { old_password: "", password: "" },
    submit: async (v) => {
      await client.POST("/api/me/password", {
        body: { password: v.password, ...(v.old_password && { old_password: v.old_password }) },
      });
      form.reset();
      toast.success(t("profile.passwordChanged"));
      await stale("/api/me");
    },
  });
  return (
    <Card title={t("entry.password")}>
      <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
        <input type="text" name="username" autoComplete="username" defaultValue={me.name} hidden readOnly />
        <FieldRow>
          {me.has_password && (
            <Field label={t("profile.oldPassword")} error={form.error("old_password")}>
              <Input type="password" autoComplete="current-password" {...form.register("old_password")} />
            </Field>
          )}
          <Field label={t("entry.newPassword")} hint={t("entry.passwordLength")} error={form.error("password")}>
            <Input type="password" autoComplete="new-password" {...form.register("password")} />
          </Field>
        </FieldRow>
        <p className="text-faint text-xs">{t("profile.passwordHint")}</p>
        {form.refused != null && <ErrorNote error={form.refused} />}
        <Button type="submit" busy={form.busy} disabled={!form.formState.isDirty}>
          {t("profile.changePassword")}
        </Button>
      </form>
    </Card>
  );
}
