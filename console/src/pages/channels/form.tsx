import { useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { cn } from "@/lib/cn";
import { useEditForm } from "@/lib/form";
import { Conflict } from "@/ui/conflict";
import { Dialog } from "@/ui/dialog";
import { Failure, Skeleton } from "@/ui/feedback";
import { Field, FieldRow, Input, Segments, Select, Textarea } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { Checkbox } from "@/ui/toggle";
import { readKeys } from "./key-lines";
import { KeysEditor, KeysInput } from "./keys";
import { ModelPicker } from "./models";

type Channel = Schemas["Channel"];
type ChannelType = Schemas["ChannelType"];

const number = (least: number) =>
  z
    .string()
    .regex(/^-?\d{1,7}$/, "common.notANumber")
    .refine((v) => Number(v) >= least, "channels.tooSmall");

const schema = z.object({
  name: z.string().trim().min(1, "channels.nameMissing").max(64),
  type: z.string(),
  base_url: z
    .string()
    .trim()
    .regex(/^https?:\/\/[^\s?#@]+$/, "channels.notAnAddress"),
  keys: z
    .object({ way: z.enum(["add", "replace"]), text: z.string(), removed: z.array(z.string()) })
    .refine((k) => readKeys(k.text).every((l) => !l.problem), "channels.keysWrong"),
  models: z.array(z.string()),
  groups: z.array(z.string()).min(1, "channels.groupsMissing"),
  priority: number(-1_000_000),
  weight: number(0),
  max_live: number(0),
  webhook: z.string(),
  dropWebhook: z.boolean(),
  enabled: z.boolean(),
});
type Values = z.infer<typeof schema>;

const valuesOf = (c: Channel): Values => ({
  name: c.name,
  type: String(c.type),
  base_url: c.base_url,
  keys: { way: "add", text: "", removed: [] },
  models: c.models,
  groups: c.groups,
  priority: String(c.priority),
  weight: String(c.weight),
  max_live: String(c.max_live),
  webhook: "",
  dropWebhook: false,
  enabled: c.status === "enabled",
});

const freshValues = (types: ChannelType[]): Values => {
  const type = types.find((x) => x.type === 41) ?? types[0];
  return {
    name: "",
    type: String(type?.type ?? 41),
    base_url: type?.defaults.base_url ?? "",
    keys: { way: "replace", text: "", removed: [] },
    models: type?.defaults.models ?? [],
    groups: type?.defaults.groups ?? ["default"],
    priority: "0",
    weight: String(type?.defaults.weight ?? 1),
    max_live: "0",
    webhook: "",
    dropWebhook: false,
    enabled: true,
  };
};

type FormProps = {
  channel?: Channel;
  onClose: () => void;
  onSaved: (answer: Schemas["ChannelAnswer"], made: boolean) => void;
};

/** Adds a channel, or changes one. */
export function ChannelForm(props: FormProps) {
  const { t } = useTranslation();
  const types = api.useQuery("get", "/api/channels/types", {}, { staleTime: 600_000 });
  if (types.data) return <Sheet {...props} types={types.data.items} />;
  return (
    <Dialog open side size="md" onOpenChange={props.onClose} title={t("channels.add")}>
      {types.error ? (
        <Failure error={types.error} retry={() => types.refetch()} />
      ) : (
        <div className="space-y-5">
          {["a", "b", "c", "d", "e"].map((k) => (
            <Skeleton key={k} className="h-14" />
          ))}
        </div>
      )}
    </Dialog>
  );
}

function Sheet({ channel, onClose, onSaved, types }: FormProps & { types: ChannelType[] }) {
  const { t } = useTranslation();
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  // What the next save starts from: the newest that was loaded.
  const [current, setCurrent] = useState(channel);
  const form = useEditForm<Values>({
    schema,
    names: { add_keys: "keys", remove_keys: "keys", webhook_secret: "webhook" },
    values: channel ? valuesOf(channel) : freshValues(types),
    submit: async (v) => {
      const common = {
        name: v.name,
        base_url: v.base_url,
        models: v.models,
        groups: v.groups,
        priority: Number(v.priority),
        weight: Number(v.weight),
        max_live: Number(v.max_live),
      };
      const keys = v.keys.text.trim();
      if (!current) {
        if (!keys) {
          form.setError("keys", { type: "manual", message: "channels.keysMissing" }, { shouldFocus: true });
          return;
        }
        const { data } = await client.POST("/api/channels", {
          body: {
            ...common,
            type: Number(v.type),
            keys,
            webhook_secret: v.webhook.trim() || undefined,
            enabled: v.enabled,
          },
        });
        await stale("/api/channels");
        onClose();
        if (data) onSaved(data, true);
        return;
      }
      const replacing = v.keys.way === "replace" && keys;
      const { data } = await client.PATCH("/api/channels/{id}", {
        params: { path: { id: current.id } },
        body: {
          ...common,
          version: current.version,
          ...(replacing
            ? { keys }
            : { add_keys: keys || undefined, remove_keys: v.keys.removed.length ? v.keys.removed : undefined }),
          webhook_secret: v.webhook.trim() || (v.dropWebhook ? "" : undefined),
        },
      });
      await stale("/api/channels");
      onClose();
      if (data) onSaved(data, false);
    },
  });
  const newest = async () => {
    const { data } = await client.GET("/api/channels/{id}", { params: { path: { id: channel?.id ?? 0 } } });
    if (!data) throw new Error("no answer");
    setCurrent(data);
    return valuesOf(data);
  };
  const type = types.find((x) => String(x.type) === form.watch("type"));
  const hosts = type?.base_urls ?? [];
  const chooseType = (text: string) => {
    form.setValue("type", text);
    const next = types.find((x) => String(x.type) === text);
    if (!next) return;
    form.setValue("base_url", next.defaults.base_url);
    form.setValue("models", next.defaults.models ?? []);
  };
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      side
      title={channel ? t("channels.editTitle", { name: channel.name }) : t("channels.add")}
      action={channel ? t("common.save") : t("channels.add")}
      className="space-y-5"
    >
      <FieldRow>
        <Field label={t("channels.name")} error={form.error("name")}>
          <Input autoFocus placeholder={t("channels.namePlaceholder")} {...form.register("name")} />
        </Field>
        <Field label={t("channels.type")}>
          <Select value={form.watch("type")} disabled={!!channel} onChange={(e) => chooseType(e.target.value)}>
            {types.map((x) => (
              <option key={x.type} value={x.type}>
                {t(`channels.typeName.${x.type}`, { defaultValue: x.title })} ({x.type})
              </option>
            ))}
            {!type && <option value={form.watch("type")}>{form.watch("type")}</option>}
          </Select>
        </Field>
      </FieldRow>
      <Field label="Base URL" error={form.error("base_url")} hint={t("channels.baseUrlHint")}>
        <Input
          inputMode="url"
          spellCheck={false}
          className="font-mono text-[0.8125rem]"
          {...form.register("base_url")}
        />
        {hosts.length > 0 && (
          <Choices
            label="Base URL"
            options={hosts.map((h) => [
              h.url,
              t(`channels.host.${new URL(h.url).hostname.split(".")[0]}`, { defaultValue: h.for }),
            ])}
            on={(url) => form.watch("base_url").trim().replace(/\/+$/, "") === url}
            onChoose={(url) => form.setValue("base_url", url, { shouldDirty: true, shouldValidate: true })}
          />
        )}
      </Field>
      <Controller
        control={form.control}
        name="keys"
        render={({ field }) =>
          current ? (
            <KeysEditor keys={current.keys} value={field.value} onChange={field.onChange} error={form.error("keys")} />
          ) : (
            <KeysInput
              label="API Key"
              hint={t("channels.keysHint")}
              value={field.value.text}
              onChange={(text) => field.onChange({ ...field.value, text })}
              error={form.error("keys")}
            />
          )
        }
      />
      <Field label={t("channels.modelList")} error={form.error("models")} hint={t("channels.modelsHint")}>
        <Controller
          control={form.control}
          name="models"
          render={({ field }) => (
            <ModelPicker
              value={field.value}
              onChange={field.onChange}
              models={type?.models ?? []}
              all={type?.defaults.models?.[0] ?? "*"}
            />
          )}
        />
      </Field>
      {!channel && (
        <Controller
          control={form.control}
          name="enabled"
          render={({ field }) => (
            <div>
              <p className="mb-1 font-medium">{t("common.status")}</p>
              <Segments
                label={t("common.status")}
                value={field.value ? "on" : "off"}
                onChange={(v) => field.onChange(v === "on")}
                options={[
                  ["on", t("common.enable")],
                  ["off", t("common.disable")],
                ]}
              />
            </div>
          )}
        />
      )}
      <Controller
        control={form.control}
        name="groups"
        render={({ field }) => {
          const known = groups.data?.items.map((g) => g.name) ?? [];
          const names = [...known, ...field.value.filter((g) => !known.includes(g))];
          return (
            <Field label={t("channels.groups")} error={form.error("groups")} hint={t("channels.groupsHint")}>
              <Choices
                label={t("channels.groups")}
                options={names.map((g) => [g, g])}
                on={(g) => field.value.includes(g)}
                onChoose={(g) =>
                  field.onChange(field.value.includes(g) ? field.value.filter((x) => x !== g) : [...field.value, g])
                }
              />
            </Field>
          );
        }}
      />
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label={t("channels.priority")} hint={t("channels.priorityHint")} error={form.error("priority")}>
          <Input inputMode="numeric" className="num" {...form.register("priority")} />
        </Field>
        <Field label={t("channels.weight")} hint={t("channels.weightHint")} error={form.error("weight")}>
          <Input inputMode="numeric" className="num" {...form.register("weight")} />
        </Field>
        <Field label={t("channels.cap")} hint={t("channels.capHint")} error={form.error("max_live")}>
          <Input inputMode="numeric" className="num" {...form.register("max_live")} />
        </Field>
      </div>
      <div className="space-y-2">
        <Field
          label={t("channels.webhookSecret")}
          optional={t("common.optional")}
          hint={t("channels.webhookHint")}
          error={form.error("webhook")}
        >
          <Textarea
            rows={1}
            className="min-h-9! break-all font-mono text-[0.8125rem]"
            spellCheck={false}
            autoComplete="off"
            placeholder={
              current?.webhook_secrets ? t("channels.webhookSet", { count: current.webhook_secrets }) : undefined
            }
            {...form.register("webhook")}
          />
        </Field>
        {!!current?.webhook_secrets && (
          <Controller
            control={form.control}
            name="dropWebhook"
            render={({ field }) => (
              <Checkbox
                checked={field.value}
                onCheckedChange={(on) => field.onChange(on === true)}
                label={t("channels.webhookDrop")}
              />
            )}
          />
        )}
      </div>
      <Conflict
        form={form}
        load={newest}
        labels={{
          name: t("channels.name"),
          base_url: "Base URL",
          models: t("channels.modelList"),
          groups: t("channels.groups"),
          priority: t("channels.priority"),
          weight: t("channels.weight"),
          max_live: t("channels.cap"),
        }}
      />
    </FormDialog>
  );
}

/** Values that are taken with one click. */
function Choices({
  options,
  on,
  onChoose,
  label,
}: {
  options: [string, string][];
  on: (v: string) => boolean;
  onChoose: (v: string) => void;
  label: string;
}) {
  return (
    <fieldset className="mt-1.5 flex flex-wrap gap-1.5">
      <legend className="sr-only">{label}</legend>
      {options.map(([v, text]) => (
        <button
          key={v}
          type="button"
          aria-pressed={on(v)}
          title={v}
          onClick={() => onChoose(v)}
          className={cn(
            "rounded-full border px-2.5 py-0.5 text-xs transition-colors hover:bg-sunken",
            on(v) ? "border-accent bg-accent-wash text-accent-strong" : "border-line-strong text-soft",
          )}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}
