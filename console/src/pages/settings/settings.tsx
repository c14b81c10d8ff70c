import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { queries, stale } from "@/api/queries";
import { AdminOnly } from "@/layout/outcomes";
import { useMe } from "@/layout/session";
import { useEditForm } from "@/lib/form";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Card, PageHead } from "@/ui/data";
import { ErrorNote, Failure, Note, Skeleton } from "@/ui/feedback";
import { Field, FieldRow, Input, Select, Textarea } from "@/ui/form";
import { SwitchField } from "@/ui/toggle";

const schema = z.object({
  notice: z.string().max(2000),
  registration: z.enum(["closed", "open", "invite"]),
  default_rate: z.string().regex(/^\d{0,6}$/, "common.notANumber"),
  queue_when_busy: z.boolean(),
  resend_after_absence: z.boolean(),
  webhook_keep_days: z.string().regex(/^[1-9]\d{0,3}$/, "common.notANumber"),
  log_level: z.enum(["", "debug", "info", "warn", "error"]),
});

export default function Settings() {
  return (
    <AdminOnly>
      <Loaded />
    </AdminOnly>
  );
}

function Loaded() {
  const { t } = useTranslation();
  const { data, error, refetch } = api.useQuery("get", "/api/settings");
  return (
    <>
      <PageHead title={t("nav.settings")}>{t("settings.lead")}</PageHead>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !data ? (
        <Skeleton className="h-96 max-w-3xl rounded-xl!" />
      ) : (
        <SettingsForm key={data.version} settings={data} />
      )}
    </>
  );
}

function SettingsForm({ settings }: { settings: Schemas["Settings"] }) {
  const { t } = useTranslation();
  const me = useMe();
  const root = me.role === "root";
  const form = useEditForm<z.infer<typeof schema>>({
    schema,
    values: {
      notice: settings.notice,
      registration: settings.registration,
      default_rate: settings.default_rate ? String(settings.default_rate) : "",
      queue_when_busy: settings.queue_when_busy,
      resend_after_absence: settings.resend_after_absence,
      webhook_keep_days: String(settings.webhook_keep_days),
      log_level: settings.log_level,
    },
    submit: async (v) => {
      const { data } = await client.PATCH("/api/settings", {
        body: {
          ...v,
          version: settings.version,
          default_rate: Number(v.default_rate) || 0,
          webhook_keep_days: Number(v.webhook_keep_days),
        },
      });
      if (data) queries.setQueryData(api.queryOptions("get", "/api/settings").queryKey, data);
      await stale("/api/me");
      toast.success(t("settings.saved"));
    },
  });
  return (
    <form onSubmit={form.onSubmit} className="max-w-3xl space-y-4" noValidate>
      {!root && <Note tone="info">{t("settings.rootOnly")}</Note>}
      <fieldset disabled={!root} className="space-y-4">
        <Card title={t("settings.general")}>
          <div className="space-y-4">
            <Field
              label={t("settings.notice")}
              optional={t("common.optional")}
              hint={t("settings.noticeHint")}
              error={form.error("notice")}
            >
              <Textarea rows={2} className="min-h-16!" {...form.register("notice")} />
            </Field>
          </div>
        </Card>
        <Card title={t("settings.security")}>
          <FieldRow>
            <Field label={t("settings.registration")} error={form.error("registration")}>
              <Select {...form.register("registration")}>
                {(["closed", "invite", "open"] as const).map((r) => (
                  <option key={r} value={r}>
                    {t(`settings.registrations.${r}`)}
                  </option>
                ))}
              </Select>
            </Field>
            <Field
              label={t("settings.rate")}
              optional={t("common.optional")}
              hint={t("settings.rateHint")}
              error={form.error("default_rate")}
            >
              <Input inputMode="numeric" {...form.register("default_rate")} />
            </Field>
          </FieldRow>
        </Card>
        <Card title={t("settings.tasks")}>
          <div className="space-y-4">
            <Controller
              control={form.control}
              name="queue_when_busy"
              render={({ field }) => (
                <SwitchField
                  label={t("settings.queue")}
                  hint={t("settings.queueHint")}
                  checked={field.value}
                  onCheckedChange={field.onChange}
                />
              )}
            />
            <Controller
              control={form.control}
              name="resend_after_absence"
              render={({ field }) => (
                <SwitchField
                  label={t("settings.resend")}
                  hint={t("settings.resendHint")}
                  checked={field.value}
                  onCheckedChange={field.onChange}
                />
              )}
            />
          </div>
        </Card>
        <Card title={t("settings.retention")}>
          <FieldRow>
            <Field label={t("settings.keep")} hint={t("settings.keepHint")} error={form.error("webhook_keep_days")}>
              <Input inputMode="numeric" {...form.register("webhook_keep_days")} />
            </Field>
            <Field label={t("settings.log")} hint={t("settings.logHint")} error={form.error("log_level")}>
              <Select {...form.register("log_level")}>
                <option value="">{t("settings.asStarted")}</option>
                {["debug", "info", "warn", "error"].map((l) => (
                  <option key={l}>{l}</option>
                ))}
              </Select>
            </Field>
          </FieldRow>
        </Card>
      </fieldset>
      {form.refused != null && <ErrorNote error={form.refused} />}
      {root && (
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy} disabled={!form.formState.isDirty}>
            {t("common.save")}
          </Button>
        </div>
      )}
    </form>
  );
}
