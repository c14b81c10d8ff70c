import { ScrollText } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { AdminOnly } from "@/layout/outcomes";
import { useSearchState } from "@/lib/search";
import { Badge, Facts, Id, Json, PageHead, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Empty } from "@/ui/feedback";
import { ClearFilters, RangeFilter, SearchField, SelectFilter } from "@/ui/filter";
import { resolveRange } from "@/ui/range";
import { byCursor, type Column, List } from "@/ui/table";

type Entry = Schemas["AuditEntry"];
const keys = ["action", "actor", "target", "span", "since", "until"] as const;
const rooms = [
  "balance",
  "channel",
  "group",
  "invitation",
  "oidc",
  "passkey",
  "prices",
  "recovery",
  "redemption",
  "settings",
  "task",
  "token",
  "totp",
  "user",
  "webhook",
];

/** Who changed what, and when. */
export default function Audit() {
  return (
    <AdminOnly>
      <Entries />
    </AdminOnly>
  );
}

function Entries() {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const [shown, setShown] = useState<Entry | null>(null);
  const query = useMemo(() => {
    const { span, since, until, action, actor, target } = search;
    return {
      action: action && rooms.includes(action) ? `${action}.*` : action,
      actor,
      target,
      ...resolveRange({ span, since, until }),
      limit: 50,
    };
  }, [search]);
  const rows = api.useInfiniteQuery("get", "/api/audit", { params: { query: query as never } }, byCursor);
  const filtered = Object.keys(search).length > 0;
  const columns = useMemo<Column<Entry>[]>(
    () => [
      { id: "at", title: t("audit.time"), phone: "head", cell: (e) => <When at={e.at} /> },
      {
        id: "action",
        title: t("audit.action"),
        phone: "head",
        cell: (e) => (
          <button type="button" onClick={() => setShown(e)} className="hover:underline">
            {t(`audit.actions.${e.action.replace(".", "_")}`, { defaultValue: e.action })}
          </button>
        ),
      },
      {
        id: "target",
        title: t("audit.target"),
        cell: (e) => <code className="break-all font-mono text-xs">{e.target}</code>,
      },
      {
        id: "actor",
        title: t("audit.actor"),
        cell: (e) => e.actor_name ?? t(`audit.actors.${e.actor}`, { defaultValue: e.actor }),
      },
      { id: "address", title: t("audit.address"), extra: true, cell: (e) => e.address ?? "–" },
      {
        id: "request",
        title: t("common.requestId"),
        extra: true,
        cell: (e) => (e.request_id ? <Id>{e.request_id}</Id> : "–"),
      },
      {
        id: "detail",
        title: t("common.details"),
        className: "max-w-sm",
        phone: "wide",
        cell: (e) => (
          <span className="line-clamp-1 break-all font-mono text-faint text-xs">
            {e.detail ? JSON.stringify(e.detail) : ""}
          </span>
        ),
      },
    ],
    [t],
  );
  return (
    <>
      <PageHead title={t("nav.audit")}>{t("audit.lead")}</PageHead>
      <List
        name="audit"
        caption={t("nav.audit")}
        columns={columns}
        rows={rows}
        rowKey={(e) => e.id}
        onOpen={setShown}
        toolbar={
          <>
            <SelectFilter
              label={t("audit.about")}
              value={search.action}
              onChange={(action) => change({ action })}
              options={rooms.map((r) => [r, t(`audit.rooms.${r}`)] as const)}
            />
            <SearchField label={t("audit.byTarget")} value={search.target} onChange={(target) => change({ target })} />
            <SearchField label={t("audit.byActor")} value={search.actor} onChange={(actor) => change({ actor })} />
            <RangeFilter
              label={t("audit.time")}
              value={search}
              onChange={(r) => change({ span: r.span, since: r.since, until: r.until })}
            />
            <ClearFilters
              active={filtered}
              onClear={() => change(Object.fromEntries(keys.map((k) => [k, undefined])))}
            />
          </>
        }
        empty={<Empty icon={ScrollText} title={filtered ? t("common.noneFound") : t("audit.none")} />}
      />
      {shown && (
        <Dialog open onOpenChange={() => setShown(null)} title={<Title entry={shown} />} size="lg">
          <div className="space-y-4">
            <Facts
              items={[
                [t("audit.time"), <When key="t" at={shown.at} full />],
                [t("audit.actor"), shown.actor_name ? `${shown.actor_name} (${shown.actor})` : shown.actor],
                [
                  t("audit.target"),
                  <code key="g" className="font-mono text-xs">
                    {shown.target}
                  </code>,
                ],
                shown.address && [t("audit.address"), shown.address],
                shown.request_id && [t("common.requestId"), <Id key="r">{shown.request_id}</Id>],
              ]}
            />
            {shown.detail !== undefined && shown.detail !== null && <Json value={shown.detail} />}
          </div>
        </Dialog>
      )}
    </>
  );
}

function Title({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  return (
    <span className="flex items-center gap-2">
      {t(`audit.actions.${entry.action.replace(".", "_")}`, { defaultValue: entry.action })}{" "}
      <Badge>{entry.action}</Badge>
    </span>
  );
}
