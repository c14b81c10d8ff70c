import { useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useIsAdmin } from "@/layout/session";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Conflict } from "@/ui/conflict";
import { Field, FieldRow, Input } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { MomentInput, MoneyInput, TextList, UserInput } from "@/ui/inputs";
import { SwitchField } from "@/ui/toggle";

const schema = z.object({
  name: z.string().trim().min(1, "tokens.nameMissing").max(64),
  user: z.string(),
  test: z.boolean(),
  budget: z.string().refine((v) => v.trim() === "" || (format.quotaOf(v) ?? -1) >= 0, "common.notAnAmount"),
  expires: z.string(),
  models: z.array(z.string()),
  networks: z.array(z.string()),
  rate: z.string().regex(/^\d{0,6}$/, "common.notANumber"),
});
type Values = z.infer<typeof schema>;

const valuesOf = (token?: Schemas["Token"]): Values => ({
  name: token?.name ?? "",
  user: "",
  test: token?.test ?? false,
  budget: token?.budget.limit == null ? "" : format.decimalUSD(token.budget.limit),
  expires: token?.expires_at ?? "",
  models: token?.models ?? [],
  networks: token?.networks ?? [],
  rate: token?.rate ? String(token.rate) : "",
});

/** Makes a token, or changes one. */
export function TokenForm({
  token,
  onClose,
  onMade,
}: {
  token?: Schemas["Token"];
  onClose: () => void;
  onMade?: (t: Schemas["CreatedToken"]) => void;
}) {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const models = api.useQuery("get", "/api/prices/public", {}, { staleTime: 600_000 });
  const names = [...new Set(models.data?.samples.map((s) => s.order.model))];
  // What the next save starts from: the newest that was loaded.
  const [current, setCurrent] = useState(token);
  const form = useEditForm<Values>({
    schema,
    names: { user_id: "user", expires_at: "expires" },
    values: valuesOf(token),
    submit: async (v) => {
      const budget = v.budget.trim() ? (format.quotaOf(v.budget) ?? undefined) : undefined;
      const common = { name: v.name, models: v.models, networks: v.networks, rate: Number(v.rate) || 0 };
      if (current) {
        await client.PATCH("/api/tokens/{id}", {
          params: { path: { id: current.id } },
          body: { ...common, version: current.version, budget: budget ?? null, expires_at: v.expires || null },
        });
        toast.success(t("common.saved"));
      } else {
        const { data } = await client.POST("/api/tokens", {
          body: {
            ...common,
            test: v.test,
            budget,
            expires_at: v.expires || undefined,
            user_id: v.user ? Number(v.user) : undefined,
          },
        });
        if (data) onMade?.(data);
      }
      await stale("/api/tokens");
      onClose();
    },
  });
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      side
      title={token ? t("tokens.editTitle", { name: token.name }) : t("tokens.create")}
      action={token ? t("common.save") : t("tokens.create")}
    >
      <Field label={t("common.name")} hint={t("tokens.nameHint")} error={form.error("name")}>
        <Input autoFocus {...form.register("name")} />
      </Field>
      {!token && admin && (
        <Field
          label={t("tokens.user")}
          optional={t("common.optional")}
          hint={t("tokens.userHint")}
          error={form.error("user")}
        >
          <Controller
            control={form.control}
            name="user"
            render={({ field }) => <UserInput value={field.value} onChange={field.onChange} />}
          />
        </Field>
      )}
      {!token && (
        <Controller
          control={form.control}
          name="test"
          render={({ field }) => (
            <SwitchField
              label={t("common.test")}
              hint={t("tokens.testHint")}
              checked={field.value}
              onCheckedChange={field.onChange}
            />
          )}
        />
      )}
      <FieldRow>
        <Field
          label={t("tokens.budget")}
          optional={t("common.optional")}
          hint={t("tokens.budgetHint")}
          error={form.error("budget")}
        >
          <Controller control={form.control} name="budget" render={({ field }) => <MoneyInput {...field} />} />
        </Field>
        <Field
          label={t("tokens.rate")}
          optional={t("common.optional")}
          hint={t("tokens.rateHint")}
          error={form.error("rate")}
        >
          <Input inputMode="numeric" {...form.register("rate")} />
        </Field>
      </FieldRow>
      <Field label={t("tokens.expires")} error={form.error("expires")}>
        <Controller
          control={form.control}
          name="expires"
          render={({ field }) => <MomentInput value={field.value} onChange={field.onChange} />}
        />
      </Field>
      <Field
        label={t("tokens.models")}
        optional={t("common.optional")}
        hint={t("tokens.modelsHint")}
        error={form.error("models")}
      >
        <Controller
          control={form.control}
          name="models"
          render={({ field }) => (
            <TextList
              value={field.value}
              onChange={field.onChange}
              suggestions={names}
              placeholder={t("tokens.allModels")}
            />
          )}
        />
      </Field>
      <Field
        label={t("tokens.networks")}
        optional={t("common.optional")}
        hint={t("tokens.networksHint")}
        error={form.error("networks")}
      >
        <Controller
          control={form.control}
          name="networks"
          render={({ field }) => (
            <TextList value={field.value} onChange={field.onChange} placeholder={t("tokens.allNetworks")} />
          )}
        />
      </Field>
      <Conflict
        form={form}
        load={async () => {
          const { data } = await client.GET("/api/tokens/{id}", { params: { path: { id: token?.id ?? 0 } } });
          if (!data) throw new Error("no answer");
          setCurrent(data);
          return valuesOf(data);
        }}
        labels={{
          name: t("common.name"),
          budget: t("tokens.budget"),
          rate: t("tokens.rate"),
          expires: t("tokens.expires"),
          models: t("tokens.models"),
          networks: t("tokens.networks"),
        }}
        show={(name, value) =>
          name === "expires" && value
            ? format.dateTime(String(value))
            : name === "budget" && value
              ? format.dollars(String(value))
              : Array.isArray(value)
                ? value.join(", ")
                : String(value)
        }
      />
    </FormDialog>
  );
}
