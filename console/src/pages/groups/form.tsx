import { useState } from "react";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Conflict } from "@/ui/conflict";
import { Field, Input } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { exampleList, isRatio, paid } from "./ratio";

type Group = Schemas["Group"];

const schema = z.object({
  name: z.string().trim().min(1, "groups.nameMissing").max(64),
  title: z.string().trim().max(200),
  ratio: z.string().trim().refine(isRatio, "groups.badRatio"),
});
type Values = z.infer<typeof schema>;

const valuesOf = (g?: Group): Values => ({ name: g?.name ?? "", title: g?.title ?? "", ratio: g?.ratio ?? "1" });

/** Adds a group, or changes its title and ratio. */
export function GroupForm({ group, onClose }: { group?: Group; onClose: () => void }) {
  const { t } = useTranslation();
  // What the next save starts from: the newest that was loaded.
  const [current, setCurrent] = useState(group);
  const form = useEditForm<Values>({
    schema,
    values: valuesOf(group),
    submit: async (v) => {
      if (current) {
        await client.PATCH("/api/groups/{name}", {
          params: { path: { name: current.name } },
          body: { version: current.version, title: v.title, ratio: v.ratio },
        });
      } else await client.POST("/api/groups", { body: { name: v.name, title: v.title || undefined, ratio: v.ratio } });
      await stale("/api/groups", "/api/prices");
      toast.success(t("common.saved"));
      onClose();
    },
  });
  const ratio = form.watch("ratio");
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      size="sm"
      title={group ? t("groups.editTitle", { name: group.name }) : t("groups.add")}
      action={group ? t("common.save") : t("groups.add")}
    >
      {!group && (
        <Field label={t("groups.name")} hint={t("groups.nameHint")} error={form.error("name")}>
          <Input autoFocus spellCheck={false} {...form.register("name")} />
        </Field>
      )}
      <Field
        label={t("groups.title")}
        optional={t("common.optional")}
        hint={t("groups.titleHint")}
        error={form.error("title")}
      >
        <Input autoFocus={!!group} {...form.register("title")} />
      </Field>
      <Field label={t("groups.ratio")} hint={t("groups.ratioHint")} error={form.error("ratio")}>
        <Input inputMode="decimal" className="num" {...form.register("ratio")} />
      </Field>
      <p className="num min-h-9 rounded-lg bg-sunken px-3 py-2 text-soft">
        {isRatio(ratio) ? t("groups.pays", { list: format.dollars(exampleList), price: paid(ratio) }) : "–"}
      </p>
      <Conflict
        form={form}
        load={async () => {
          const { data } = await client.GET("/api/groups/{name}", { params: { path: { name: group?.name ?? "" } } });
          if (!data) throw new Error("no answer");
          setCurrent(data);
          return valuesOf(data);
        }}
        labels={{ title: t("groups.title"), ratio: t("groups.ratio") }}
      />
    </FormDialog>
  );
}
