import { Link } from "@tanstack/react-router";
import { Plus, Waypoints } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { AdminOnly } from "@/layout/outcomes";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { PageHead, When } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { byCursor, type Column, List } from "@/ui/table";
import { ChannelMenu, DeleteChannel } from "./actions";
import { ChannelForm } from "./form";
import { ChannelState, KeyKinds, LiveTasks, SuccessRate, TroubleText, troubleOf } from "./health";
import { PacksLeft } from "./packs";
import { ChannelTest, type Tested } from "./test";

type Channel = Schemas["Channel"];
const keys = ["name", "status", "group", "model", "new"] as const;

export default function Channels() {
  return (
    <AdminOnly>
      <ChannelList />
    </AdminOnly>
  );
}

function ChannelList() {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const [edited, setEdited] = useState<Channel | null>(null);
  const [deleted, setDeleted] = useState<Channel | null>(null);
  const [tested, setTested] = useState<Tested | null>(null);
  const { new: adding, ...filters } = search;
  const rows = api.useInfiniteQuery(
    "get",
    "/api/channels",
    { params: { query: { ...filters, limit: 100 } as never } },
    { ...byCursor, refetchInterval: 15_000 },
  );
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  const add = () => change({ new: "1" });

  const columns = useMemo<Column<Channel>[]>(
    () => [
      {
        id: "name",
        title: t("channels.name"),
        phone: "head",
        cell: (c) => (
          <div className="max-w-40 2xl:max-w-64">
            <Link
              to="/channels/$id"
              params={{ id: String(c.id) }}
              className="block truncate font-medium hover:underline"
              title={c.name}
            >
              {c.name}
            </Link>
            <div className="truncate text-faint text-xs" title={c.base_url}>
              #{c.id} · {c.base_url.replace(/^https?:\/\//, "")}
            </div>
          </div>
        ),
      },
      { id: "status", title: t("common.status"), phone: "head", cell: (c) => <ChannelState channel={c} /> },
      { id: "live", title: t("channels.live"), right: true, cell: (c) => <LiveTasks channel={c} /> },
      { id: "success", title: t("channels.success"), right: true, cell: (c) => <SuccessRate recent={c.recent} /> },
      {
        id: "trouble",
        title: t("channels.lastError"),
        phone: "wide",
        cell: (c) => {
          const trouble = troubleOf(c);
          if (!trouble) return <span className="text-faint max-md:sr-only">{t("common.none")}</span>;
          return <TroubleText trouble={trouble} short className="min-w-36 max-w-80" />;
        },
      },
      { id: "packs", title: t("channels.packs"), right: true, cell: (c) => <PacksLeft of={c.packs} /> },
      { id: "keys", title: t("channels.keys"), cell: (c) => <KeyKinds keys={c.keys} /> },
      {
        id: "models",
        title: t("common.model"),
        extra: true,
        cell: (c) => <Short list={c.models} />,
      },
      { id: "groups", title: t("channels.groups"), cell: (c) => <Short list={c.groups} /> },
      {
        id: "priority",
        title: t("channels.priority"),
        right: true,
        cell: (c) => (
          <span className="num">
            {format.number(c.priority)}
            <span className="block whitespace-nowrap text-faint text-xs">
              {t("channels.weightOf", { weight: format.number(c.weight) })}
            </span>
          </span>
        ),
      },
      { id: "tested", title: t("channels.tested"), extra: true, cell: (c) => <When at={c.tested_at} ago /> },
      { id: "created", title: t("common.created"), extra: true, cell: (c) => <When at={c.created_at} /> },
      {
        id: "actions",
        title: t("common.actions"),
        right: true,
        phone: "head",
        cell: (c) => (
          <ChannelMenu
            channel={c}
            onEdit={() => setEdited(c)}
            onTest={() => setTested({ channel: c })}
            onDelete={() => setDeleted(c)}
          />
        ),
      },
    ],
    [t],
  );
  const filtered = Object.keys(filters).length > 0;

  return (
    <>
      <PageHead
        title={t("nav.channels")}
        actions={
          <Button look="primary" onClick={add}>
            <Plus aria-hidden />
            {t("channels.add")}
          </Button>
        }
      >
        {t("channels.lead")}
      </PageHead>
      <List
        name="channels"
        caption={t("nav.channels")}
        columns={columns}
        rows={rows}
        rowKey={(c) => c.id}
        href={(c) => `/channels/${c.id}`}
        toolbar={
          <>
            <SearchField label={t("channels.searchName")} value={search.name} onChange={(name) => change({ name })} />
            <SelectFilter
              label={t("common.status")}
              value={search.status}
              onChange={(status) => change({ status })}
              options={(["enabled", "broken", "draining", "disabled"] as const).map((s) => [s, t(`status.${s}`)])}
            />
            <SelectFilter
              label={t("common.group")}
              value={search.group}
              onChange={(group) => change({ group })}
              options={(groups.data?.items ?? []).map((g) => [g.name, g.name])}
            />
            <SearchField
              label={t("channels.searchModel")}
              value={search.model}
              onChange={(model) => change({ model })}
              className="sm:w-44!"
            />
            <ClearFilters
              active={filtered}
              onClear={() => change({ name: undefined, status: undefined, group: undefined, model: undefined })}
            />
          </>
        }
        empty={
          filtered ? (
            <Empty title={t("common.noneFound")} />
          ) : (
            <Empty
              icon={Waypoints}
              title={t("channels.empty")}
              action={
                <Button look="primary" onClick={add}>
                  {t("channels.add")}
                </Button>
              }
            >
              {t("channels.emptyHint")}
            </Empty>
          )
        }
      />
      {adding && (
        <ChannelForm
          onClose={() => change({ new: undefined })}
          onSaved={(c) => setTested({ channel: c, after: "added", warnings: c.warnings })}
        />
      )}
      {edited && (
        <ChannelForm
          channel={edited}
          onClose={() => setEdited(null)}
          onSaved={(c) => {
            if (c.warnings.length) setTested({ channel: c, after: "saved", warnings: c.warnings });
            else toast.success(t("common.saved"));
          }}
        />
      )}
      {tested && <ChannelTest tested={tested} onClose={() => setTested(null)} />}
      {deleted && <DeleteChannel channel={deleted} onClose={() => setDeleted(null)} />}
    </>
  );
}

function Short({ list }: { list: string[] }) {
  return (
    <span title={list.join(", ")} className="block max-w-40 truncate">
      {list.slice(0, 2).join(", ")}
      {list.length > 2 && ` +${list.length - 2}`}
    </span>
  );
}
