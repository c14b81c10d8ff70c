import { History } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Empty, ErrorNote, Note, Skeleton } from "@/ui/feedback";
import { Segments } from "@/ui/form";
import { byCursor, type Column, List } from "@/ui/table";
import { PreviewOf, usePreview } from "./preview";
import { diffRules, RuleChanges } from "./rule-text";

type Version = Schemas["PriceVersion"];
const keys = ["version"] as const;

/** Who changed the prices, when and why. */
export function Versions({ current }: { current: Schemas["Prices"] | undefined }) {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const rows = api.useInfiniteQuery(
    "get",
    "/api/prices/versions",
    { params: { query: { limit: 50 } as never } },
    byCursor,
  );
  const open = (v: Version) => change({ version: String(v.version) });
  const columns: Column<Version>[] = [
    {
      id: "version",
      title: t("prices.version"),
      phone: "head",
      cell: (v) => (
        <span className="inline-flex items-center gap-2">
          <button type="button" className="num font-medium hover:underline" onClick={() => open(v)}>
            {t("prices.versionOf", { version: v.version })}
          </button>
          {v.version === current?.version && <Badge tone="ok">{t("prices.inForce")}</Badge>}
        </span>
      ),
    },
    { id: "when", title: t("prices.when"), phone: "head", cell: (v) => <When at={v.created_at} full /> },
    { id: "who", title: t("prices.who"), cell: (v) => <Who actor={v.actor} /> },
    {
      id: "note",
      title: t("common.note"),
      phone: "wide",
      cell: (v) => v.note || <span className="text-faint max-md:sr-only">–</span>,
    },
  ];
  const version = Number(search.version);
  return (
    <>
      <List
        name="price-versions"
        caption={t("prices.tab.versions")}
        columns={columns}
        rows={rows}
        rowKey={(v) => v.version}
        onOpen={open}
        toolbar={<p className="py-1 text-soft">{t("prices.versionsLead")}</p>}
        empty={<Empty icon={History} title={t("common.noneFound")} />}
      />
      {version > 0 && current && (
        <OneVersion version={version} current={current} onClose={() => change({ version: undefined })} />
      )}
    </>
  );
}

function Who({ actor }: { actor: string }) {
  const { t } = useTranslation();
  const [kind = "", id] = actor.split(":");
  const user = api.useQuery(
    "get",
    "/api/users/{id}",
    { params: { path: { id: Number(id) } } },
    { enabled: kind === "user" && !!id, staleTime: 300_000, retry: false },
  );
  if (kind !== "user") return <>{t(`prices.actor.${kind}`, { defaultValue: actor })}</>;
  return <>{user.data?.name ?? `#${id}`}</>;
}

/** What a version changed, how it differs from today's, and the way back to it. */
function OneVersion({
  version,
  current,
  onClose,
}: {
  version: number;
  current: Schemas["Prices"];
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const [view, setView] = useState<"then" | "now">("then");
  const [restoring, setRestoring] = useState(false);
  const read = (v: number) => ({ params: { path: { version: v } } });
  const kept = { staleTime: Number.POSITIVE_INFINITY, retry: false };
  const one = api.useQuery("get", "/api/prices/versions/{version}", read(version), kept);
  const before = api.useQuery("get", "/api/prices/versions/{version}", read(version - 1), {
    ...kept,
    enabled: version > 1,
  });
  const today = version === current.version;
  const preview = usePreview(!today && one.data && (view === "now" || restoring) ? { rules: one.data.rules } : null);
  const error = one.error ?? (version > 1 ? before.error : null);
  const restore = async () => {
    try {
      await client.POST("/api/prices/versions/{version}/restore", {
        params: { path: { version } },
        body: { version: current.version, note: t("prices.restoredNote", { version }) },
      });
    } catch (e) {
      // The newest is read, so that a second try means what it shows.
      if (e instanceof ApiError && e.code === "version_conflict") await stale("/api/prices");
      throw e;
    }
    await stale("/api/prices");
    toast.success(t("prices.restored", { version }));
    onClose();
  };
  return (
    <>
      <Dialog
        open={!restoring}
        side
        size="lg"
        onOpenChange={onClose}
        title={t("prices.versionOf", { version })}
        description={
          one.data && (
            <>
              <Who actor={one.data.actor} /> · <When at={one.data.created_at} full />
              {one.data.note && ` · ${one.data.note}`}
            </>
          )
        }
        footer={
          <>
            <Button onClick={onClose}>{t("common.close")}</Button>
            {!today && (
              <Button look="primary" disabled={!one.data} onClick={() => setRestoring(true)}>
                {t("prices.restore")}
              </Button>
            )}
          </>
        }
      >
        <div className="space-y-4">
          {!today && (
            <Segments
              label={t("prices.compareWith")}
              value={view}
              onChange={setView}
              options={[
                ["then", t("prices.whatItChanged")],
                ["now", t("prices.againstToday")],
              ]}
            />
          )}
          {error ? (
            <ErrorNote error={error} retry={() => void Promise.all([one.refetch(), before.refetch()])} />
          ) : view === "now" && !today ? (
            <>
              <Note tone="info">{t("prices.againstTodayHint")}</Note>
              {preview.query.data && <RuleChanges changes={preview.query.data.changes} />}
              <PreviewOf preview={preview} known={current.warnings} />
            </>
          ) : !one.data || (version > 1 && !before.data) ? (
            <Skeleton className="h-48 rounded-lg!" />
          ) : version === 1 ? (
            <p className="text-soft">{t("prices.firstVersion", { count: one.data.rules.length })}</p>
          ) : (
            <RuleChanges changes={diffRules(before.data?.rules ?? [], one.data.rules)} />
          )}
        </div>
      </Dialog>
      {restoring && (
        <Confirm
          open
          danger={false}
          onOpenChange={setRestoring}
          title={t("prices.restoreTitle", { version })}
          action={t("prices.restore")}
          run={restore}
        >
          <p>{t("prices.restoreHint")}</p>
          {preview.query.data && (
            <p className="mt-2 text-ink">{t("prices.restoreRules", { count: preview.query.data.changes.length })}</p>
          )}
        </Confirm>
      )}
    </>
  );
}
