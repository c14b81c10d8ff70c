import { useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Conflict } from "@/ui/conflict";
import { Facts, Money } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Segments, Select } from "@/ui/form";
import { MoneyInput } from "@/ui/inputs";
import { decimal, micros, scaled } from "./decimal";
import { useOrderText } from "./order";
import { type Edit, PreviewOf, usePreview } from "./preview";

type Prices = Schemas["Prices"];
type Sample = Schemas["PricedOrder"];
type Rule = Schemas["Rule"];

const schema = z.object({
  price: z.string().refine((v) => (format.quotaOf(v) ?? 0) > 0, "common.notAnAmount"),
  scope: z.enum(["rule", "own"]),
  per: z.enum(["second", "5s", "call"]),
  note: z.string().max(200),
});
type Values = z.infer<typeof schema>;

/** The rule whose amount, or the new rule whose match, gives a sample order its price. */
function editFor(prices: Prices, s: Sample, v: Values): Edit | null {
  const target = micros(v.price);
  if (!target || (format.quotaOf(v.price) ?? 0) <= 0) return null;
  const o = s.order;
  const rule = prices.rules.find((r) => r.id === s.price?.rule);
  if (rule && s.price && !rule.free) {
    // The price goes with the amount: as many times the price, as many times the amount.
    const amount = scaled(micros(rule.amount) ?? 0n, target, BigInt(s.price.quota) * 2n);
    if (amount <= 0n) return null;
    if (v.scope === "rule") return { set: [{ ...rule, amount: decimal(amount) }] };
    return {
      set: [
        {
          ...rule,
          id: freeID(prices, o),
          match: { ...rule.match, types: [o.type], models: [o.model] },
          amount: decimal(amount),
          priority: (rule.priority ?? 0) + 1,
          source: undefined,
        },
      ],
    };
  }
  const seconds = BigInt(o.duration || 1);
  const amount =
    v.per === "second" ? scaled(target, 1n, seconds) : v.per === "5s" ? scaled(target, 5n, seconds) : target;
  const twin = prices.samples.some(
    (x) => x.order.model === o.model && x.order.type === o.type && x.order.sound !== o.sound,
  );
  const match: Schemas["Match"] = { types: [o.type], models: [o.model] };
  if (twin) match.sound = !!o.sound;
  return { set: [{ id: freeID(prices, o), book: "price", match, amount: decimal(amount), per: v.per }] };
}

/** An id for a new rule that no rule has. */
function freeID(prices: Prices, o: Schemas["OrderFacts"]): string {
  const base = `price.${o.model}.${o.type}${o.sound ? ".sound" : ""}`.toLowerCase().replace(/[^a-z0-9._-]/g, "-");
  let id = base;
  for (let n = 2; prices.rules.some((r) => r.id === id); n++) id = `${base}-${n}`;
  return id;
}

/** Sets what one sample order costs, without a word about rules. */
export function PriceSheet({
  prices,
  sample,
  group,
  onClose,
  onRule,
}: {
  prices: Prices;
  sample: Sample;
  group?: string;
  onClose: () => void;
  onRule: (rule: Rule) => void;
}) {
  const { t } = useTranslation();
  const order = useOrderText();
  const [base, setBase] = useState({ prices, sample });
  const rule = base.prices.rules.find((r) => r.id === base.sample.price?.rule);
  const shared = rule ? base.prices.samples.filter((s) => s.price?.rule === rule.id).length : 0;
  const form = useEditForm<Values>({
    schema,
    values: {
      price: sample.price ? format.decimalUSD(sample.price.quota) : "",
      scope: "rule",
      per: sample.order.duration ? "second" : "call",
      note: "",
    },
    submit: async (v) => {
      const edit = editFor(base.prices, base.sample, v);
      if (!edit) return;
      await client.PUT("/api/prices", {
        body: { ...edit, version: base.prices.version, note: v.note.trim() || undefined },
      });
      await stale("/api/prices");
      toast.success(t("common.saved"));
      onClose();
    },
  });
  const values = form.watch();
  const same = format.quotaOf(values.price) === base.sample.price?.quota;
  const edit = same ? null : editFor(base.prices, base.sample, values);
  const preview = usePreview(edit, group);
  return (
    <Dialog
      open
      side
      onOpenChange={onClose}
      title={sample.order.model}
      description={`${order.type(sample.order.type)} · ${order.facts(sample.order)}`}
      footer={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" type="submit" form="price" busy={form.busy} disabled={!preview.ready}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <form id="price" onSubmit={form.onSubmit} className="space-y-5" noValidate>
        <Facts
          columns={1}
          items={[
            [
              t("prices.price"),
              base.sample.price ? <Money key="p" quota={base.sample.price.quota} /> : t("prices.noPrice"),
            ],
            [
              t("prices.cost"),
              base.sample.cost ? <Money key="c" quota={base.sample.cost.quota} /> : t("prices.unknown"),
            ],
            rule
              ? [
                  t("prices.rule"),
                  <Button
                    key="r"
                    look="link"
                    size="sm"
                    className="font-mono! whitespace-normal! text-right"
                    onClick={() => onRule(rule)}
                  >
                    {rule.id}
                  </Button>,
                ]
              : null,
          ]}
        />
        <Field
          label={t("prices.newPrice", { order: order.facts(sample.order) || order.type(sample.order.type) })}
          hint={group ? t("prices.groupPriceHint", { group, ratio: prices.ratio }) : undefined}
          error={form.error("price")}
        >
          <Controller control={form.control} name="price" render={({ field }) => <MoneyInput {...field} />} />
        </Field>
        {shared > 1 && (
          <div>
            <Controller
              control={form.control}
              name="scope"
              render={({ field }) => (
                <Segments
                  label={t("prices.scope")}
                  value={field.value}
                  onChange={field.onChange}
                  options={[
                    ["rule", t("prices.scopeRule", { count: shared })],
                    ["own", t("prices.scopeOwn")],
                  ]}
                />
              )}
            />
            <p className="mt-1 text-faint text-xs">{t(`prices.scopeHint.${values.scope}`)}</p>
          </div>
        )}
        {!rule && !!sample.order.duration && (
          <Field label={t("prices.perLabel")} hint={t("prices.newRuleHint")}>
            <Select {...form.register("per")}>
              {(["second", "5s", "call"] as const).map((p) => (
                <option key={p} value={p}>
                  {t(`prices.per.${p}`)}
                </option>
              ))}
            </Select>
          </Field>
        )}
        {edit ? (
          <PreviewOf preview={preview} known={base.prices.warnings} />
        ) : (
          <p className="text-soft">{t("prices.typePrice")}</p>
        )}
        <Field
          label={t("common.note")}
          optional={t("common.optional")}
          hint={t("prices.noteHint")}
          error={form.error("note")}
        >
          <Input {...form.register("note")} />
        </Field>
        <Conflict
          form={form}
          load={async () => {
            const { data } = await client.GET("/api/prices", { params: { query: { group } } });
            const o = sample.order;
            const again = data?.samples.find(
              (s) => s.order.model === o.model && s.order.type === o.type && s.order.sound === o.sound,
            );
            if (!data || !again) throw new Error("no answer");
            setBase({ prices: data, sample: again });
            return { ...form.getValues(), price: again.price ? format.decimalUSD(again.price.quota) : "" };
          }}
          labels={{ price: t("prices.price") }}
          show={(_, v) => (v ? format.dollars(String(v)) : "")}
        />
      </form>
    </Dialog>
  );
}
