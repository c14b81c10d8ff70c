import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { ErrorNote } from "@/ui/feedback";
import { Field, Input, Segments } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { MoneyInput } from "@/ui/inputs";

const schema = z.object({
  kind: z.enum(["topup", "grant", "adjust"]),
  amount: z.string().refine((v) => (format.quotaOf(v) ?? 0) !== 0, "common.notAnAmount"),
  reason: z.string().trim().min(1, "users.reasonMissing").max(200),
  reference: z.string().max(100),
});

/** Changes a balance by hand: a line in the ledger and one in the audit, with the reason. */
export function BalanceForm({ user, onClose }: { user: Schemas["UserDetail"]; onClose: () => void }) {
  const { t } = useTranslation();
  const form = useEditForm<z.infer<typeof schema>>({
    schema,
    names: { usd: "amount" },
    values: { kind: "topup", amount: "", reason: "", reference: "" },
    submit: async (v) => {
      const { data } = await client.POST("/api/users/{id}/balance", {
        params: { path: { id: user.id } },
        body: {
          kind: v.kind,
          amount: format.quotaOf(v.amount) ?? 0,
          reason: v.reason,
          ...(v.reference && { reference: v.reference }),
        },
      });
      await stale("/api/users", "/api/ledger", "/api/me");
      if (data) toast.success(t("users.balanceIs", { name: user.name, amount: format.usd(data.balance.available) }));
      onClose();
    },
  });
  const quota = format.quotaOf(form.watch("amount"));
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      size="sm"
      title={t("users.balanceTitle", { name: user.name })}
      action={t("users.changeBalance")}
    >
      <Controller
        control={form.control}
        name="kind"
        render={({ field }) => (
          <div>
            <Segments
              label={t("users.kind")}
              value={field.value}
              onChange={field.onChange}
              options={[
                ["topup", t("ledgerKind.topup")],
                ["grant", t("ledgerKind.grant")],
                ["adjust", t("ledgerKind.adjust")],
              ]}
            />
            <p className="mt-1 text-faint text-xs">{t(`users.kindHint.${field.value}`)}</p>
          </div>
        )}
      />
      <Field
        label={t("users.amount")}
        error={form.error("amount")}
        hint={quota !== null ? t("users.after", { amount: format.usd(user.available + quota) }) : t("users.amountHint")}
      >
        <Controller control={form.control} name="amount" render={({ field }) => <MoneyInput {...field} />} />
      </Field>
      <Field label={t("users.reason")} error={form.error("reason")} hint={t("users.reasonHint")}>
        <Input {...form.register("reason")} />
      </Field>
      <Field
        label={t("users.reference")}
        optional={t("common.optional")}
        error={form.error("reference")}
        hint={t("users.referenceHint")}
      >
        <Input {...form.register("reference")} />
      </Field>
      {form.refused != null && <ErrorNote error={form.refused} />}
    </FormDialog>
  );
}
