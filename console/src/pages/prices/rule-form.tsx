import { Plus, X } from "lucide-react";
import { useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { cn } from "@/lib/cn";
import { useEditForm } from "@/lib/form";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Conflict } from "@/ui/conflict";
import { Dialog } from "@/ui/dialog";
import { Note } from "@/ui/feedback";
import { Field, FieldRow, Input, Segments, Select } from "@/ui/form";
import { TextList } from "@/ui/inputs";
import { SwitchField } from "@/ui/toggle";
import { isDecimal } from "./decimal";
import { productTypes, useOrderText } from "./order";
import { PreviewOf, usePreview } from "./preview";
import { RuleAmount, RuleMatch, useFactValue } from "./rule-text";

type Rule = Schemas["Rule"];
const units = ["second", "5s", "started_5s", "picture", "call"];
const facts = ["type", "mode", "resolution", "aspect_ratio", "seconds", "sound", "voice", "video_input"];

const factor = z.object({ by: z.string(), values: z.array(z.object({ value: z.string(), times: z.string() })) });
const seconds = z.string().regex(/^\d{0,6}$/, "common.notANumber");
const schema = z
  .object({
    id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, "prices.badId"),
    book: z.enum(["price", "cost"]),
    amount: z.string(),
    free: z.boolean(),
    per: z.string(),
    factors: z
      .array(factor)
      .refine(
        (list) => list.every((f) => f.values.length > 0 && f.values.every((v) => v.value.trim() && isDecimal(v.times))),
        "prices.badFactor",
      ),
    provider: z.string(),
    types: z.array(z.string()),
    models: z.array(z.string()),
    modes: z.array(z.string()),
    resolutions: z.array(z.string()),
    aspects: z.array(z.string()),
    sound: z.string(),
    voice: z.string(),
    video: z.string(),
    least: seconds,
    most: seconds,
    priority: z.string().regex(/^-?\d{1,6}$/, "common.notANumber"),
    source: z.string().max(500),
    note: z.string().max(200),
  })
  .refine((v) => v.free || (isDecimal(v.amount) && Number(v.amount) > 0), {
    path: ["amount"],
    message: "prices.badAmount",
  });
type Values = z.infer<typeof schema>;

const flag = (b?: boolean) => (b === undefined ? "" : b ? "on" : "off");
const unflag = (s: string) => (s === "" ? undefined : s === "on");
const some = (list: string[]) => (list.length ? list : undefined);

const valuesOf = (r?: Rule): Values => ({
  id: r?.id ?? "",
  book: r?.book === "cost" ? "cost" : "price",
  amount: r && !r.free ? r.amount : "",
  free: r?.free ?? false,
  per: r?.per ?? "second",
  factors: (r?.factors ?? []).map((f) => ({
    by: f.by,
    values: Object.entries(f.values).map(([value, times]) => ({ value, times })),
  })),
  provider: r ? (r.match.provider ?? "") : "kling",
  types: r?.match.types ?? [],
  models: r?.match.models ?? [],
  modes: r?.match.modes ?? [],
  resolutions: r?.match.resolutions ?? [],
  aspects: r?.match.aspect_ratios ?? [],
  sound: flag(r?.match.sound),
  voice: flag(r?.match.voice),
  video: flag(r?.match.video_input),
  least: r?.match.min_seconds ? String(r.match.min_seconds) : "",
  most: r?.match.max_seconds ? String(r.match.max_seconds) : "",
  priority: String(r?.priority ?? 0),
  source: r?.source ?? "",
  note: "",
});

const ruleOf = (v: Values): Rule => ({
  id: v.id,
  book: v.book,
  match: {
    provider: v.provider.trim() || undefined,
    types: some(v.types),
    models: some(v.models),
    modes: some(v.modes),
    resolutions: some(v.resolutions),
    aspect_ratios: some(v.aspects),
    sound: unflag(v.sound),
    voice: unflag(v.voice),
    video_input: unflag(v.video),
    min_seconds: Number(v.least) || undefined,
    max_seconds: Number(v.most) || undefined,
  },
  amount: v.free ? "0" : v.amount.trim(),
  free: v.free || undefined,
  per: v.per,
  priority: Number(v.priority) || undefined,
  source: v.source.trim() || undefined,
  factors: v.factors.length
    ? v.factors.map((f) => ({
        by: f.by,
        values: Object.fromEntries(f.values.map((x) => [x.value.trim(), x.times.trim()])),
      }))
    : undefined,
});

/** Fields of the form for those of the rule that the gateway names. */
const names: Record<string, string> = Object.fromEntries(
  [
    ["id", "id"],
    ["amount", "amount"],
    ["per", "per"],
    ["factors", "factors"],
    ["match", "models"],
    ["match.types", "types"],
    ["match.models", "models"],
    ["match.modes", "modes"],
    ["match.resolutions", "resolutions"],
    ["match.aspect_ratios", "aspects"],
    ["match.min_seconds", "least"],
    ...Array.from({ length: 8 }, (_, i) => [`factors[${i}].values`, "factors"]),
  ].map(([of, to]) => [`set[0].${of}`, to as string]),
);

/** Changes a rule, adds one, or removes it; what that does to orders is shown before it is saved. */
export function RuleSheet({ prices, rule, onClose }: { prices: Schemas["Prices"]; rule?: Rule; onClose: () => void }) {
  const { t } = useTranslation();
  const order = useOrderText();
  const [base, setBase] = useState(prices);
  const [removing, setRemoving] = useState(false);
  const form = useEditForm<Values>({
    schema,
    names: { ...names, match: "models" },
    values: valuesOf(rule),
    submit: async (v) => {
      await client.PUT("/api/prices", {
        body: { version: base.version, note: v.note.trim() || undefined, set: [ruleOf(v)] },
      });
      await stale("/api/prices");
      toast.success(t("common.saved"));
      onClose();
    },
  });
  const values = form.watch();
  const valid = schema.safeParse(values).success;
  const next = ruleOf(values);
  const was = base.rules.find((r) => r.id === rule?.id);
  const same = was && JSON.stringify(ruleOf(valuesOf(was))) === JSON.stringify(next);
  const taken = !rule && prices.rules.some((r) => r.id === values.id);
  const preview = usePreview(valid && !same && !taken ? { set: [next] } : null);
  const models = [...new Set(prices.samples.map((s) => s.order.model))];
  const list = (
    name: "models" | "modes" | "resolutions" | "aspects",
    label: string,
    suggestions: string[],
    any: string,
  ) => (
    <Field label={label} error={form.error(name)}>
      <Controller
        control={form.control}
        name={name}
        render={({ field }) => (
          <TextList value={field.value} onChange={field.onChange} suggestions={suggestions} placeholder={any} />
        )}
      />
    </Field>
  );
  return (
    <>
      <Dialog
        open={!removing}
        side
        size="xl"
        onOpenChange={onClose}
        title={rule ? rule.id : t("prices.addRule")}
        footer={
          <>
            {rule && (
              <Button look="danger" className="mr-auto" onClick={() => setRemoving(true)}>
                {t("common.delete")}
              </Button>
            )}
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button look="primary" type="submit" form="rule" busy={form.busy} disabled={valid && !preview.ready}>
              {t("common.save")}
            </Button>
          </>
        }
      >
        <form
          id="rule"
          onSubmit={form.onSubmit}
          className="gap-6 space-y-5 lg:grid lg:grid-cols-[minmax(0,1fr)_21rem] lg:space-y-0"
          noValidate
        >
          <div className="min-w-0 space-y-5">
            {!rule && (
              <FieldRow>
                <Field
                  label={t("prices.ruleId")}
                  hint={t("prices.ruleIdHint")}
                  error={taken ? t("prices.idTaken") : form.error("id")}
                >
                  <Input className="font-mono text-[0.8125rem]" spellCheck={false} autoFocus {...form.register("id")} />
                </Field>
                <div>
                  <p className="mb-1 font-medium">{t("prices.bookLabel")}</p>
                  <Controller
                    control={form.control}
                    name="book"
                    render={({ field }) => (
                      <Segments
                        label={t("prices.bookLabel")}
                        value={field.value}
                        onChange={field.onChange}
                        options={[
                          ["price", t("prices.book.price")],
                          ["cost", t("prices.book.cost")],
                        ]}
                      />
                    )}
                  />
                </div>
              </FieldRow>
            )}
            <FieldRow>
              <Field label={t("prices.amount")} error={form.error("amount")}>
                <div className="relative">
                  <span className="pointer-events-none absolute top-1/2 left-3 -translate-y-1/2 text-faint">$</span>
                  <Input
                    inputMode="decimal"
                    className="num pl-6!"
                    autoComplete="off"
                    autoFocus={!!rule}
                    disabled={values.free}
                    {...form.register("amount")}
                  />
                </div>
              </Field>
              <Field label={t("prices.perLabel")} error={form.error("per")}>
                <Select {...form.register("per")}>
                  {units.map((u) => (
                    <option key={u} value={u}>
                      {t(`prices.per.${u}`)}
                    </option>
                  ))}
                </Select>
              </Field>
            </FieldRow>
            <Controller
              control={form.control}
              name="factors"
              render={({ field }) => (
                <Factors value={field.value} onChange={field.onChange} error={form.error("factors")} />
              )}
            />
            <section className="space-y-4 rounded-lg border border-line p-4">
              <h3 className="font-medium">{t("prices.for")}</h3>
              <Field label={t("prices.product")} error={form.error("types")} hint={t("prices.typesHint")}>
                <Controller
                  control={form.control}
                  name="types"
                  render={({ field }) => (
                    <fieldset className="flex flex-wrap gap-1.5">
                      <legend className="sr-only">{t("prices.product")}</legend>
                      {[...productTypes, ...field.value.filter((x) => !productTypes.includes(x))].map((x) => {
                        const on = field.value.includes(x);
                        return (
                          <button
                            key={x}
                            type="button"
                            aria-pressed={on}
                            onClick={() =>
                              field.onChange(on ? field.value.filter((y) => y !== x) : [...field.value, x])
                            }
                            className={cn(
                              "rounded-full border px-2.5 py-0.5 text-xs hover:bg-sunken",
                              on ? "border-accent bg-accent-wash text-accent-strong" : "border-line-strong text-soft",
                            )}
                          >
                            {order.type(x)}
                          </button>
                        );
                      })}
                    </fieldset>
                  )}
                />
              </Field>
              {list("models", t("prices.models"), models, t("prices.anyModel"))}
              <details open={values.modes.length + values.resolutions.length + values.aspects.length > 0 || undefined}>
                <summary className="text-soft">{t("prices.moreConditions")}</summary>
                <div className="mt-3 space-y-4">
                  <div className="grid gap-4 sm:grid-cols-3">
                    {list("modes", t("prices.fact.mode"), ["std", "pro", "4k"], t("prices.any"))}
                    {list("resolutions", t("prices.fact.resolution"), ["720p", "1080p"], t("prices.any"))}
                    {list("aspects", t("prices.fact.aspect_ratio"), ["16:9", "9:16", "1:1"], t("prices.any"))}
                  </div>
                  <div className="grid gap-4 sm:grid-cols-3">
                    {(["sound", "voice", "video"] as const).map((name) => (
                      <Field key={name} label={t(`prices.fact.${name === "video" ? "video_input" : name}`)}>
                        <Select {...form.register(name)}>
                          <option value="">{t("prices.any")}</option>
                          <option value="on">{t("common.yes")}</option>
                          <option value="off">{t("common.no")}</option>
                        </Select>
                      </Field>
                    ))}
                  </div>
                  <div className="grid gap-4 sm:grid-cols-3">
                    <Field label={t("prices.least")} error={form.error("least")}>
                      <Input inputMode="numeric" className="num" {...form.register("least")} />
                    </Field>
                    <Field label={t("prices.most")} error={form.error("most")}>
                      <Input inputMode="numeric" className="num" {...form.register("most")} />
                    </Field>
                    <Field label={t("prices.provider")}>
                      <Input placeholder={t("prices.any")} {...form.register("provider")} />
                    </Field>
                  </div>
                  <Field label={t("prices.priority")} hint={t("prices.priorityHint")} error={form.error("priority")}>
                    <Input inputMode="numeric" className="num w-32!" {...form.register("priority")} />
                  </Field>
                  <Controller
                    control={form.control}
                    name="free"
                    render={({ field }) => (
                      <SwitchField
                        label={t("prices.free")}
                        hint={t("prices.freeHint")}
                        checked={field.value}
                        onCheckedChange={field.onChange}
                      />
                    )}
                  />
                </div>
              </details>
            </section>
            <FieldRow>
              <Field
                label={t("common.note")}
                optional={t("common.optional")}
                hint={t("prices.noteHint")}
                error={form.error("note")}
              >
                <Input {...form.register("note")} />
              </Field>
              <Field
                label={t("prices.source")}
                optional={t("common.optional")}
                hint={t("prices.sourceHint")}
                error={form.error("source")}
              >
                <Input {...form.register("source")} />
              </Field>
            </FieldRow>
            <Conflict
              form={form}
              load={async () => {
                const { data } = await client.GET("/api/prices");
                if (!data) throw new Error("no answer");
                setBase(data);
                return {
                  ...(rule ? valuesOf(data.rules.find((r) => r.id === rule.id) ?? rule) : form.getValues()),
                  note: form.getValues("note"),
                };
              }}
              labels={{
                amount: t("prices.amount"),
                per: t("prices.perLabel"),
                factors: t("prices.factors"),
                types: t("prices.product"),
                models: t("prices.models"),
                priority: t("prices.priority"),
                source: t("prices.source"),
              }}
              show={(name, v) =>
                name === "factors" ? (
                  <RuleAmount rule={ruleOf({ ...values, factors: v as Values["factors"] })} />
                ) : name === "per" ? (
                  t(`prices.per.${v}`)
                ) : Array.isArray(v) ? (
                  v.join(", ")
                ) : (
                  String(v)
                )
              }
            />
          </div>
          <div className="min-w-0 lg:sticky lg:top-0 lg:self-start">
            {valid && !same && !taken ? (
              <PreviewOf preview={preview} known={base.warnings} />
            ) : (
              <p className="text-soft">{t(same ? "prices.notChanged" : "prices.previewLater")}</p>
            )}
          </div>
        </form>
      </Dialog>
      {removing && rule && <RemoveRule prices={base} rule={rule} onBack={() => setRemoving(false)} onDone={onClose} />}
    </>
  );
}

/** Takes a rule away, with what then has no price. */
function RemoveRule({
  prices,
  rule,
  onBack,
  onDone,
}: {
  prices: Schemas["Prices"];
  rule: Rule;
  onBack: () => void;
  onDone: () => void;
}) {
  const { t } = useTranslation();
  const preview = usePreview({ remove: [rule.id] });
  const lost = preview.query.data?.orders.filter((o) => o.now.price && !o.then.price).length ?? 0;
  return (
    <Confirm
      open
      onOpenChange={onBack}
      title={t("prices.removeTitle")}
      action={t("common.delete")}
      name={rule.id}
      run={async () => {
        try {
          // The version that the preview was made of is the one that is changed.
          const version = preview.query.data?.version ?? prices.version;
          await client.PUT("/api/prices", { body: { version, remove: [rule.id] } });
        } catch (error) {
          void preview.query.refetch();
          throw error;
        }
        toast.success(t("prices.ruleRemoved", { id: rule.id }));
        onDone();
        await stale("/api/prices");
      }}
    >
      <RuleAmount rule={rule} className="text-ink" />
      <RuleMatch rule={rule} className="mt-1.5" />
      {lost > 0 && (
        <Note tone="warn" className="mt-3">
          {t("prices.removeLoses", { count: lost })}
        </Note>
      )}
    </Confirm>
  );
}

/** Multipliers of a rule: by which fact, and how much for which value. */
function Factors({
  value,
  onChange,
  error,
}: {
  value: Values["factors"];
  onChange: (v: Values["factors"]) => void;
  error?: string;
}) {
  const { t } = useTranslation();
  const said = useFactValue();
  const left = facts.filter((f) => !value.some((x) => x.by === f));
  const set = (i: number, next: Values["factors"][number]) => onChange(value.map((f, j) => (j === i ? next : f)));
  return (
    <section>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-medium">
          {t("prices.factors")} <span className="font-normal text-faint text-xs">{t("prices.factorsHint")}</span>
        </h3>
        {left.length > 0 && (
          <Select
            className="w-auto! [&_select]:h-8! [&_select]:text-[0.8125rem]"
            aria-label={t("prices.addFactor")}
            value=""
            onChange={(e) => onChange([...value, { by: e.target.value, values: [{ value: "", times: "1" }] }])}
          >
            <option value="">{t("prices.addFactor")}</option>
            {left.map((f) => (
              <option key={f} value={f}>
                {t(`prices.fact.${f}`)}
              </option>
            ))}
          </Select>
        )}
      </div>
      {error && (
        <p role="alert" className="mt-1 text-bad text-xs">
          {error}
        </p>
      )}
      <div className="mt-2 space-y-2">
        {value.map((f, i) => (
          <div key={f.by} className="rounded-lg border border-line px-3 py-2">
            <div className="flex items-center justify-between">
              <span className="font-medium text-[0.8125rem]">× {t(`prices.fact.${f.by}`)}</span>
              <IconButton
                label={t("common.remove", { name: t(`prices.fact.${f.by}`) })}
                onClick={() => onChange(value.filter((_, j) => j !== i))}
              >
                <X aria-hidden />
              </IconButton>
            </div>
            <div className="mt-1 grid gap-2 sm:grid-cols-2">
              {f.values.map((v, k) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the value itself is being typed
                <div key={k} className="flex items-center gap-1.5">
                  <Input
                    aria-label={t("prices.factorValue")}
                    title={v.value ? said(f.by, v.value) : undefined}
                    className="h-8! flex-1 text-[0.8125rem]"
                    value={v.value}
                    spellCheck={false}
                    onChange={(e) =>
                      set(i, { ...f, values: f.values.map((x, j) => (j === k ? { ...x, value: e.target.value } : x)) })
                    }
                  />
                  <span className="text-faint">×</span>
                  <Input
                    aria-label={t("prices.factorTimes", { value: v.value })}
                    className="num h-8! w-20! text-right text-[0.8125rem]"
                    inputMode="decimal"
                    value={v.times}
                    onChange={(e) =>
                      set(i, { ...f, values: f.values.map((x, j) => (j === k ? { ...x, times: e.target.value } : x)) })
                    }
                  />
                  <IconButton
                    label={t("common.remove", { name: v.value })}
                    className="size-7!"
                    disabled={f.values.length === 1}
                    onClick={() => set(i, { ...f, values: f.values.filter((_, j) => j !== k) })}
                  >
                    <X aria-hidden />
                  </IconButton>
                </div>
              ))}
            </div>
            <Button
              look="ghost"
              size="sm"
              className="mt-1.5"
              onClick={() => set(i, { ...f, values: [...f.values, { value: "", times: "1" }] })}
            >
              <Plus aria-hidden />
              {t("prices.addValue")}
            </Button>
          </div>
        ))}
      </div>
      {value.length > 0 && <p className="mt-1.5 text-faint text-xs">{t("prices.factorWords")}</p>}
    </section>
  );
}
