import { Link } from "@tanstack/react-router";
import { Download, Plus, Ticket } from "lucide-react";
import { useMemo, useState } from "react";
import { Controller } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { AdminOnly } from "@/layout/outcomes";
import { useErrorText } from "@/lib/errors";
import { useEditForm } from "@/lib/form";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button, CopyButton } from "@/ui/button";
import { PageHead, Status, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Empty, ErrorNote, Note } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { Field, FieldRow, Input } from "@/ui/form";
import { FormDialog } from "@/ui/form-dialog";
import { MomentInput, MoneyInput } from "@/ui/inputs";
import { byCursor, type Column, List } from "@/ui/table";

type Code = Schemas["Redemption"];
const keys = ["name", "status", "new"] as const;

/** Codes that are worth quota, each once. */
export default function Redemptions() {
  return (
    <AdminOnly>
      <Codes />
    </AdminOnly>
  );
}

function Codes() {
  const { t } = useTranslation();
  const say = useErrorText();
  const [search, change] = useSearchState(keys);
  const [made, setMade] = useState<Code[] | null>(null);
  const { new: making, ...filters } = search;
  const rows = api.useInfiniteQuery(
    "get",
    "/api/redemptions",
    { params: { query: { ...filters, limit: 50 } as never } },
    byCursor,
  );
  const filtered = Object.keys(filters).length > 0;
  const toggle = async (code: Code) => {
    try {
      await client.PATCH("/api/redemptions/{id}", {
        params: { path: { id: code.id } },
        body: { status: code.status === "disabled" ? "open" : "disabled" },
      });
      await stale("/api/redemptions");
    } catch (error) {
      toast.error(say(error));
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: toggle only calls
  const columns = useMemo<Column<Code>[]>(
    () => [
      {
        id: "code",
        title: t("redemptions.code"),
        phone: "head",
        cell: (c) => (
          <div>
            <code className="font-mono">{c.prefix}…</code>
            <div className="text-faint text-xs">{c.name}</div>
          </div>
        ),
      },
      { id: "status", title: t("redemptions.status"), phone: "head", cell: (c) => <Status of={c.status} /> },
      {
        id: "worth",
        title: t("redemptions.worth"),
        right: true,
        cell: (c) => <span className="num">{format.dollars(c.worth.usd)}</span>,
      },
      {
        id: "expires",
        title: t("redemptions.expires"),
        cell: (c) =>
          c.expires_at ? <When at={c.expires_at} /> : <span className="text-faint">{t("common.never")}</span>,
      },
      {
        id: "used",
        title: t("redemptions.usedBy"),
        cell: (c) =>
          c.used_by ? (
            <span>
              <Link to="/users/$id" params={{ id: String(c.used_by) }} className="hover:underline">
                {c.used_by_name ?? `#${c.used_by}`}
              </Link>{" "}
              <span className="text-faint text-xs">
                <When at={c.used_at} />
              </span>
            </span>
          ) : (
            <span className="text-faint">–</span>
          ),
      },
      { id: "created", title: t("common.created"), extra: true, cell: (c) => <When at={c.created_at} /> },
      { id: "by", title: t("redemptions.madeBy"), extra: true, cell: (c) => c.created_by },
      {
        id: "actions",
        title: t("common.actions"),
        right: true,
        cell: (c) =>
          c.status === "open" || c.status === "disabled" ? (
            <Button size="sm" look="ghost" onClick={() => void toggle(c)}>
              {c.status === "open" ? t("common.disable") : t("common.enable")}
            </Button>
          ) : null,
      },
    ],
    [t],
  );
  return (
    <>
      <PageHead
        title={t("nav.redemptions")}
        actions={
          <Button look="primary" onClick={() => change({ new: "1" })}>
            <Plus aria-hidden />
            {t("redemptions.create")}
          </Button>
        }
      >
        {t("redemptions.lead")}
      </PageHead>
      <List
        name="redemptions"
        caption={t("nav.redemptions")}
        columns={columns}
        rows={rows}
        rowKey={(c) => c.id}
        toolbar={
          <>
            <SearchField label={t("redemptions.batch")} value={search.name} onChange={(name) => change({ name })} />
            <SelectFilter
              label={t("redemptions.status")}
              value={search.status}
              onChange={(status) => change({ status })}
              options={[
                ["open", t("status.open")],
                ["disabled", t("status.disabled")],
                ["used", t("status.used")],
              ]}
            />
            <ClearFilters active={filtered} onClear={() => change({ name: undefined, status: undefined })} />
          </>
        }
        empty={
          filtered ? (
            <Empty title={t("common.noneFound")} />
          ) : (
            <Empty icon={Ticket} title={t("redemptions.none")}>
              {t("redemptions.noneHint")}
            </Empty>
          )
        }
      />
      {making && (
        <BatchForm
          onClose={() => change({ new: undefined })}
          onMade={(codes) => {
            setMade(codes);
            change({ new: undefined });
          }}
        />
      )}
      {made && <Made codes={made} onClose={() => setMade(null)} />}
    </>
  );
}

const schema = z.object({
  name: z.string().trim().min(1, "redemptions.nameMissing").max(64),
  count: z.string().regex(/^([1-9]\d{0,2}|1000)$/, "redemptions.countRange"),
  worth: z.string().refine((v) => (format.quotaOf(v) ?? 0) > 0, "common.notAnAmount"),
  expires: z.string(),
});

function BatchForm({ onClose, onMade }: { onClose: () => void; onMade: (codes: Code[]) => void }) {
  const { t } = useTranslation();
  const form = useEditForm<z.infer<typeof schema>>({
    schema,
    names: { quota: "worth", expires_at: "expires" },
    values: { name: "", count: "10", worth: "", expires: "" },
    submit: async (v) => {
      const { data } = await client.POST("/api/redemptions", {
        body: {
          name: v.name,
          count: Number(v.count),
          quota: format.quotaOf(v.worth) ?? 0,
          ...(v.expires && { expires_at: v.expires }),
        },
      });
      await stale("/api/redemptions");
      if (data) onMade(data.items);
    },
  });
  const total = (format.quotaOf(form.watch("worth")) ?? 0) * (Number(form.watch("count")) || 0);
  return (
    <FormDialog
      form={form}
      onClose={onClose}
      size="md"
      title={t("redemptions.create")}
      action={t("redemptions.create")}
      note={
        total > 0 && (
          <span className="num mr-auto text-soft">{t("redemptions.total", { amount: format.usd(total) })}</span>
        )
      }
    >
      <Field label={t("redemptions.batchName")} hint={t("redemptions.batchHint")} error={form.error("name")}>
        <Input autoFocus {...form.register("name")} />
      </Field>
      <FieldRow>
        <Field label={t("redemptions.count")} error={form.error("count")}>
          <Input inputMode="numeric" {...form.register("count")} />
        </Field>
        <Field label={t("redemptions.worthEach")} error={form.error("worth")}>
          <Controller control={form.control} name="worth" render={({ field }) => <MoneyInput {...field} />} />
        </Field>
      </FieldRow>
      <Field label={t("redemptions.expires")} error={form.error("expires")}>
        <Controller
          control={form.control}
          name="expires"
          render={({ field }) => <MomentInput value={field.value} onChange={field.onChange} />}
        />
      </Field>
      {form.refused != null && <ErrorNote error={form.refused} />}
    </FormDialog>
  );
}

/** The codes of a batch, this once. */
function Made({ codes, onClose }: { codes: Code[]; onClose: () => void }) {
  const { t } = useTranslation();
  const text = codes.map((c) => c.code).join("\n");
  const save = () => {
    const rows = [
      "code,batch,worth_usd,expires_at",
      ...codes.map((c) => [c.code, JSON.stringify(c.name), c.worth.usd, c.expires_at ?? ""].join(",")),
    ];
    const url = URL.createObjectURL(new Blob([`${rows.join("\n")}\n`], { type: "text/csv" }));
    const a = document.createElement("a");
    a.href = url;
    a.download = `redemption-codes-${new Date().toISOString().slice(0, 10)}.csv`;
    a.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t("redemptions.made", { count: codes.length })}
      footer={
        <>
          <CopyButton text={text} label={t("redemptions.copyAll")} />
          <Button onClick={save}>
            <Download aria-hidden />
            CSV
          </Button>
          <Button look="primary" onClick={onClose}>
            {t("redemptions.kept")}
          </Button>
        </>
      }
    >
      <Note tone="warn">{t("redemptions.once")}</Note>
      <pre
        data-testid="codes"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="mt-3 max-h-80 overflow-auto rounded-lg border border-line bg-sunken p-3 font-mono text-xs leading-relaxed"
      >
        {text}
      </pre>
    </Dialog>
  );
}
