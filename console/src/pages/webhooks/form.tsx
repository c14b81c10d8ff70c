import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useEditForm } from "@/lib/form";
import { toast } from "@/lib/toast";
import { ErrorNote } from "@/ui/feedback";
import { Field, Input } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { Checkbox } from "@/ui/toggle";

const schema = z.object({
  url: z
    .string()
    .trim()
    .regex(/^https?:\/\/\S+$/, "webhooks.addressNeeded"),
  description: z.string().max(200),
  succeed: z.boolean(),
  failed: z.boolean(),
});

/** Registers an endpoint, or changes one. */
export function EndpointForm({
  endpoint,
  onClose,
  onMade,
}: {
  endpoint?: Schemas["Webhook"];
  onClose: () => void;
  onMade?: (e: Schemas["WebhookWithSecret"]) => void;
}) {
  const { t } = useTranslation();
  const all = !endpoint || endpoint.events.length === 0;
  const form = useEditForm<z.infer<typeof schema>>({
    schema,
    values: {
      url: endpoint?.url ?? "",
      description: endpoint?.description ?? "",
      succeed: all || endpoint.events.includes("task.succeed"),
      failed: all || endpoint.events.includes("task.failed"),
    },
    submit: async (v) => {
      const events = v.succeed === v.failed ? [] : [v.succeed ? "task.succeed" : "task.failed"];
      if (endpoint) {
        await client.PATCH("/api/webhooks/{id}", {
          params: { path: { id: endpoint.id } },
          body: { version: endpoint.version, url: v.url, description: v.description, events },
        });
        toast.success(t("common.saved"));
      } else {
        const { data } = await client.POST("/api/webhooks", {
          body: { url: v.url, description: v.description, events },
        });
        if (data) onMade?.(data);
      }
      await stale("/api/webhooks");
      onClose();
    },
  });
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      title={endpoint ? t("webhooks.edit") : t("webhooks.create")}
      action={t("common.save")}
    >
      <Field label={t("webhooks.address")} hint={t("webhooks.addressHint")} error={form.error("url")}>
        <Input type="url" autoFocus placeholder="https://example.com/hooks/video" {...form.register("url")} />
      </Field>
      <Field label={t("webhooks.description")} optional={t("common.optional")} error={form.error("description")}>
        <Input {...form.register("description")} />
      </Field>
      <fieldset className="space-y-2">
        <legend className="mb-1 font-medium">{t("webhooks.events")}</legend>
        <Controller
          control={form.control}
          name="succeed"
          render={({ field }) => (
            <Checkbox
              label={t("webhooks.onSucceed")}
              checked={field.value}
              onCheckedChange={(v) => field.onChange(v === true)}
            />
          )}
        />
        <Controller
          control={form.control}
          name="failed"
          render={({ field }) => (
            <Checkbox
              label={t("webhooks.onFailed")}
              checked={field.value}
              onCheckedChange={(v) => field.onChange(v === true)}
            />
          )}
        />
        <p className="text-faint text-xs">{t("webhooks.eventsHint")}</p>
      </fieldset>
      {form.refused != null && <ErrorNote error={form.refused} />}
    </FormDialog>
  );
}
