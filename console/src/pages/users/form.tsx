import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useMe } from "@/layout/session";
import { useEditForm } from "@/lib/form";
import { toast } from "@/lib/toast";
import { ErrorNote } from "@/ui/feedback";
import { Field, FieldRow, Input, Select } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";

const schema = z.object({
  name: z.string().trim().min(1, "entry.nameMissing").max(64),
  display_name: z.string().max(64),
  email: z.string().max(254),
  password: z.string().refine((v) => v === "" || (v.length >= 10 && v.length <= 256), "entry.passwordLength"),
  group: z.string(),
  role: z.enum(["root", "admin", "user"]),
  rate: z.string().regex(/^\d{0,6}$/, "common.notANumber"),
});
type Values = z.infer<typeof schema>;

/** Makes a user, or changes one. */
export function UserForm({ user, onClose }: { user?: Schemas["UserDetail"]; onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  const form = useEditForm<Values>({
    schema,
    values: {
      name: user?.name ?? "",
      display_name: user?.display_name ?? "",
      email: user?.email ?? "",
      password: "",
      group: user?.group ?? "default",
      role: user?.role ?? "user",
      rate: user?.rate ? String(user.rate) : "",
    },
    submit: async (v) => {
      const common = { display_name: v.display_name, email: v.email, group: v.group, rate: Number(v.rate) || 0 };
      if (user) {
        await client.PATCH("/api/users/{id}", {
          params: { path: { id: user.id } },
          body: { ...common, version: user.version, ...(v.role !== user.role && { role: v.role }) },
        });
        toast.success(t("common.saved"));
        await stale("/api/users");
        onClose();
        return;
      }
      const { data } = await client.POST("/api/users", {
        body: { ...common, name: v.name, role: v.role, ...(v.password && { password: v.password }) },
      });
      await stale("/api/users");
      toast.success(t("users.made", { name: v.name }));
      if (data) await navigate({ to: "/users/$id", params: { id: String(data.id) } });
    },
  });
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      side
      title={user ? t("users.editTitle", { name: user.name }) : t("users.create")}
      action={user ? t("common.save") : t("users.create")}
    >
      {!user && (
        <>
          <Field label={t("entry.name")} hint={t("users.nameHint")} error={form.error("name")}>
            <Input autoFocus autoCapitalize="none" spellCheck={false} autoComplete="off" {...form.register("name")} />
          </Field>
          <Field
            label={t("entry.password")}
            optional={t("common.optional")}
            hint={t("users.passwordHint")}
            error={form.error("password")}
          >
            <Input type="password" autoComplete="new-password" {...form.register("password")} />
          </Field>
        </>
      )}
      <FieldRow>
        <Field label={t("users.displayName")} optional={t("common.optional")} error={form.error("display_name")}>
          <Input {...form.register("display_name")} />
        </Field>
        <Field label={t("users.email")} optional={t("common.optional")} error={form.error("email")}>
          <Input type="email" {...form.register("email")} />
        </Field>
      </FieldRow>
      <FieldRow>
        <Field label={t("users.group")} hint={t("users.groupHint")} error={form.error("group")}>
          <Select {...form.register("group")}>
            {(groups.data?.items ?? [{ name: user?.group ?? "default", ratio: "1" }]).map((g) => (
              <option key={g.name} value={g.name}>
                {g.name} (× {g.ratio})
              </option>
            ))}
          </Select>
        </Field>
        <Field
          label={t("users.role")}
          hint={me.role === "root" ? undefined : t("users.roleHint")}
          error={form.error("role")}
        >
          <Select disabled={me.role !== "root"} {...form.register("role")}>
            {(["user", "admin", "root"] as const).map((r) => (
              <option key={r} value={r}>
                {t(`role.${r}`)}
              </option>
            ))}
          </Select>
        </Field>
      </FieldRow>
      <Field
        label={t("users.rate")}
        optional={t("common.optional")}
        hint={t("users.rateHint")}
        error={form.error("rate")}
      >
        <Input inputMode="numeric" {...form.register("rate")} />
      </Field>
      {form.refused != null && <ErrorNote error={form.refused} />}
    </FormDialog>
  );
}
