import { useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useErrorText } from "@/lib/errors";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Button, CopyButton } from "@/ui/button";
import { Money, Status, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { ErrorNote, Note, Skeleton } from "@/ui/feedback";
import { Field, FieldRow, Input, Select } from "@/ui/form";
import { MoneyInput } from "@/ui/inputs";

const schema = z.object({
  group: z.string(),
  uses: z.string().regex(/^[1-9]\d{0,4}$/, "common.notANumber"),
  grant: z.string().refine((v) => v.trim() === "" || (format.quotaOf(v) ?? -1) >= 0, "common.notAnAmount"),
  note: z.string().max(200),
});

/** Codes by which people make accounts of their own. */
export function Invitations({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const say = useErrorText();
  const [made, setMade] = useState<Schemas["Invitation"] | null>(null);
  const methods = api.useQuery("get", "/api/session/methods");
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  const list = api.useQuery("get", "/api/invitations", { params: { query: { limit: 50 } } });
  const form = useEditForm<z.infer<typeof schema>>({
    schema,
    values: { group: "default", uses: "1", grant: "", note: "" },
    submit: async (v) => {
      const { data } = await client.POST("/api/invitations", {
        body: {
          group: v.group,
          uses: Number(v.uses),
          note: v.note,
          ...(v.grant.trim() && { grant: format.quotaOf(v.grant) ?? undefined }),
        },
      });
      if (data) setMade(data);
      await stale("/api/invitations");
    },
  });
  const revoke = async (id: number) => {
    try {
      await client.DELETE("/api/invitations/{id}", { params: { path: { id } } });
      await stale("/api/invitations");
    } catch (error) {
      toast.error(say(error));
    }
  };
  return (
    <Dialog
      open
      side
      size="lg"
      onOpenChange={onClose}
      title={t("users.invitations")}
      description={t("users.invitationsLead")}
    >
      <div className="space-y-5">
        {methods.data?.registration === "closed" && <Note tone="warn">{t("users.registrationClosed")}</Note>}
        <form onSubmit={form.onSubmit} className="space-y-4" noValidate>
          <FieldRow>
            <Field label={t("users.group")} error={form.error("group")}>
              <Select {...form.register("group")}>
                {(groups.data?.items ?? []).map((g) => (
                  <option key={g.name}>{g.name}</option>
                ))}
              </Select>
            </Field>
            <Field label={t("users.uses")} error={form.error("uses")}>
              <Input inputMode="numeric" {...form.register("uses")} />
            </Field>
          </FieldRow>
          <FieldRow>
            <Field label={t("users.startBalance")} optional={t("common.optional")} error={form.error("grant")}>
              <Controller control={form.control} name="grant" render={({ field }) => <MoneyInput {...field} />} />
            </Field>
            <Field label={t("users.note")} optional={t("common.optional")} error={form.error("note")}>
              <Input {...form.register("note")} />
            </Field>
          </FieldRow>
          {form.refused != null && <ErrorNote error={form.refused} />}
          <Button type="submit" look="primary" busy={form.busy}>
            {t("users.invite")}
          </Button>
        </form>
        {made && (
          <Note tone="ok" title={t("users.invited")}>
            <span className="flex flex-wrap items-center gap-2">
              <code className="min-w-0 break-all font-mono">{made.link ?? made.code}</code>
              <CopyButton text={made.link ?? made.code ?? ""} label={t("common.copy")} />
            </span>
          </Note>
        )}
        {list.isPending ? (
          <Skeleton className="h-24" />
        ) : (
          <ul className="divide-y divide-line rounded-lg border border-line">
            {list.data?.items.length === 0 && (
              <li className="px-3 py-6 text-center text-faint">{t("users.noInvitations")}</li>
            )}
            {list.data?.items.map((i) => (
              <li key={i.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-3 py-2.5">
                <Status of={i.state} />
                <span className="min-w-0 flex-1 basis-32">
                  <code className="font-mono">{i.prefix}…</code> <span className="text-soft">{i.note}</span>
                  <span className="block text-faint text-xs">
                    {i.group} · {t("users.usedOf", { used: i.used, uses: i.uses })}
                    {i.grant > 0 && (
                      <>
                        {" · "}
                        <Money quota={i.grant} />
                      </>
                    )}
                  </span>
                </span>
                <span className="text-faint text-xs">
                  <When at={i.created_at} ago />
                </span>
                {i.state === "open" && (
                  <Button size="sm" look="danger" onClick={() => revoke(i.id)}>
                    {t("users.revoke")}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}
