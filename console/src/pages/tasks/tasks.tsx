import { Link, useNavigate } from "@tanstack/react-router";
import { Clapperboard, LayoutGrid, List as ListIcon, RotateCw } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { useIsAdmin } from "@/layout/session";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge, Elapsed, Id, Money, PageHead, Status, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Empty, Failure, Skeleton } from "@/ui/feedback";
import { ClearFilters, MoreFilters, RangeFilter, SearchField, SelectFilter } from "@/ui/filter";
import { Field, Input, Segments, Select } from "@/ui/form";
import { UserInput } from "@/ui/inputs";
import { resolveRange } from "@/ui/range";
import { byCursor, type Column, List } from "@/ui/table";
import { isLive, useLiveRows } from "./live";
import { Player, PlayerActions, Poster, shape } from "./player";
import { failure } from "./words";

type Task = Schemas["Task"];
const filterKeys = [
  "q",
  "status",
  "state",
  "type",
  "model",
  "channel_id",
  "user_id",
  "token_id",
  "span",
  "since",
  "until",
  "id",
  "external_task_id",
  "upstream_task_id",
  "tag",
  "test",
] as const;
const keys = [...filterKeys, "view"] as const;
const types = ["text2video", "image2video", "omni-video", "multi-image2video"];
const numeric = new Set(["channel_id", "user_id", "token_id"]);

/** What the address asks for, as the API takes it. */
function query(search: { [k in (typeof keys)[number]]?: string }) {
  const { view: _, span, since, until, ...rest } = search;
  const out: Record<string, string | number> = {};
  for (const [k, v] of Object.entries(rest)) if (v) out[k] = numeric.has(k) ? Number(v) : v;
  for (const [k, v] of Object.entries(resolveRange({ span, since, until }))) if (v) out[k] = v;
  return out;
}

export default function Tasks() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const admin = useIsAdmin();
  const [search, change] = useSearchState(keys);
  const [watched, setWatched] = useState<Task | null>(null);
  const { view, ...filters } = search;
  const gallery = view === "gallery";
  const asked = useMemo(() => query(search), [search]);
  const rows = api.useInfiniteQuery(
    "get",
    "/api/tasks",
    { params: { query: { ...asked, limit: gallery ? 24 : 30 } as never } },
    byCursor,
  );
  const filtered = Object.keys(filters).length > 0;
  const all = useMemo(() => rows.data?.pages.flatMap((p) => p.items) ?? [], [rows.data]);
  const live = useLiveRows(all, !filtered, () => void rows.refetch());
  const latest = live.of;

  // biome-ignore lint/correctness/useExhaustiveDependencies: latest is made anew with each change of a row
  const columns = useMemo<Column<Task>[]>(
    () => [
      {
        id: "prompt",
        title: t("tasks.task"),
        phone: "wide",
        className: "max-w-md",
        cell: (row) => {
          const k = latest(row);
          return (
            <div className="flex items-center gap-3">
              <button
                type="button"
                disabled={k.status !== "succeed"}
                aria-label={t("tasks.play", { prompt: k.prompt.slice(0, 60) })}
                onClick={() => setWatched(k)}
                className="shrink-0 rounded-md"
              >
                <Poster task={k} className="h-9 w-14" />
              </button>
              <div className="min-w-0">
                <Link to="/tasks/$id" params={{ id: k.id }} className="line-clamp-1 break-all hover:underline">
                  {k.prompt || t("tasks.noPrompt")}
                </Link>
                <div className="flex items-center gap-1.5 text-faint text-xs">
                  <code className="font-mono">{k.id.slice(0, 20)}…</code>
                  {k.test && <Badge tone="accent">{t("common.test")}</Badge>}
                </div>
              </div>
            </div>
          );
        },
      },
      {
        id: "status",
        title: t("tasks.status"),
        phone: "head",
        cell: (row) => {
          const k = latest(row);
          return (
            <span className="inline-flex flex-col items-start gap-0.5">
              <Status of={k.status} />
              {k.status === "failed" && (
                <span className="max-w-44 truncate text-faint text-xs">{failure(t, k.fail_code)}</span>
              )}
            </span>
          );
        },
      },
      {
        id: "model",
        title: t("tasks.model"),
        cell: (k) => (
          <div className="whitespace-nowrap">
            {k.model}
            <div className="text-faint text-xs">
              {k.type} · {k.duration} s{k.aspect_ratio && ` · ${k.aspect_ratio}`}
            </div>
          </div>
        ),
      },
      ...(admin
        ? [
            {
              id: "user",
              title: t("tasks.user"),
              cell: (k: Task) => (
                <Link to="/users/$id" params={{ id: String(k.user_id) }} className="hover:underline">
                  {k.user ?? `#${k.user_id}`}
                </Link>
              ),
            },
            {
              id: "channel",
              title: t("tasks.channel"),
              cell: (row: Task) => {
                const k = latest(row);
                return k.upstream?.channel ? (
                  <Link to="/channels/$id" params={{ id: String(k.upstream.channel_id) }} className="hover:underline">
                    {k.upstream.channel}
                  </Link>
                ) : (
                  <span className="text-faint">–</span>
                );
              },
            },
          ]
        : []),
      {
        id: "price",
        title: t("tasks.price"),
        right: true,
        cell: (row) => {
          const k = latest(row);
          if (k.status === "succeed") return <Money quota={k.charged} />;
          if (k.status === "failed") return <span className="text-faint">{t("tasks.free")}</span>;
          return (
            <span className="text-soft">
              <Money quota={k.quota} />
              <span className="block text-faint text-xs">{t("tasks.held")}</span>
            </span>
          );
        },
      },
      ...(admin
        ? [
            {
              id: "margin",
              title: t("tasks.margin"),
              right: true,
              extra: true,
              cell: (row: Task) => {
                const m = latest(row).upstream?.cost?.margin_usd;
                return m ? (
                  <span className={cn("num", m.startsWith("-") && "text-bad")}>{format.dollars(m)}</span>
                ) : (
                  <span className="text-faint">–</span>
                );
              },
            },
          ]
        : []),
      { id: "created", title: t("tasks.accepted"), cell: (k) => <When at={k.created_at} />, phone: "head" },
      {
        id: "took",
        phone: "none",
        title: t("tasks.took"),
        right: true,
        cell: (row) => {
          const k = latest(row);
          return (
            <span className="num">
              {k.finished_at ? (
                format.duration((Date.parse(k.finished_at) - Date.parse(k.created_at)) / 1000)
              ) : isLive(k) ? (
                <span className="text-busy">
                  <Elapsed since={k.created_at} />
                </span>
              ) : (
                "–"
              )}
            </span>
          );
        },
      },
      {
        id: "external",
        title: t("tasks.externalID"),
        extra: true,
        cell: (k) => (k.external_task_id ? <Id>{k.external_task_id}</Id> : <span className="text-faint">–</span>),
      },
      {
        id: "tags",
        title: t("tasks.tags"),
        extra: true,
        cell: (k) => (
          <span className="flex flex-wrap gap-1">
            {Object.entries(k.tags ?? {}).map(([n, v]) => (
              <Badge key={n}>
                {n}={v}
              </Badge>
            ))}
          </span>
        ),
      },
    ],
    [t, admin, live],
  );

  const toolbar = (
    <>
      <SearchField label={t("tasks.searchPrompt")} value={search.q} onChange={(q) => change({ q })} />
      <SelectFilter
        label={t("tasks.status")}
        value={search.status}
        onChange={(status) => change({ status, state: undefined })}
        options={["pending", "submitted", "processing", "succeed", "failed"].map((s) => [s, t(`status.${s}`)] as const)}
      />
      <RangeFilter
        label={t("tasks.accepted")}
        value={search}
        onChange={(r) => change({ span: r.span, since: r.since, until: r.until })}
      />
      <MoreFilters
        count={
          [
            "type",
            "model",
            "channel_id",
            "user_id",
            "token_id",
            "id",
            "external_task_id",
            "upstream_task_id",
            "tag",
            "test",
            "state",
          ].filter((k) => search[k as keyof typeof search]).length
        }
      >
        <Filters search={search} change={change} admin={admin} />
      </MoreFilters>
      <ClearFilters
        active={filtered}
        onClear={() => change(Object.fromEntries(filterKeys.map((k) => [k, undefined])))}
      />
    </>
  );
  const empty = filtered ? (
    <Empty title={t("common.noneFound")} />
  ) : (
    <Empty
      icon={Clapperboard}
      title={t("tasks.none")}
      action={
        <Button asChild look="primary">
          <Link to="/playground">{t("tasks.first")}</Link>
        </Button>
      }
    >
      {t("tasks.noneHint")}
    </Empty>
  );

  return (
    <>
      <PageHead
        title={t("nav.tasks")}
        actions={
          <>
            {live.fresh > 0 && (
              <Button size="sm" look="ghost" className="text-accent-strong!" onClick={() => void rows.refetch()}>
                <RotateCw aria-hidden />
                {t("tasks.fresh", { count: live.fresh })}
              </Button>
            )}
            <Segments
              label={t("tasks.view")}
              value={gallery ? "gallery" : "list"}
              onChange={(v) => change({ view: v === "gallery" ? v : undefined })}
              options={[
                ["list", <ListIcon key="l" aria-label={t("tasks.asList")} />],
                ["gallery", <LayoutGrid key="g" aria-label={t("tasks.asGallery")} />],
              ]}
            />
            <Button asChild look="primary">
              <Link to="/playground">{t("tasks.new")}</Link>
            </Button>
          </>
        }
      >
        {t("tasks.lead")}
      </PageHead>
      {gallery ? (
        <>
          <div className="mb-4 flex flex-wrap items-center gap-2">{toolbar}</div>
          <Gallery rows={rows} of={latest} all={all} empty={empty} />
        </>
      ) : (
        <List
          name="tasks"
          caption={t("nav.tasks")}
          columns={columns}
          rows={rows}
          rowKey={(k) => k.id}
          onOpen={(k) => void navigate({ to: "/tasks/$id", params: { id: k.id } })}
          toolbar={toolbar}
          empty={empty}
        />
      )}
      {watched && (
        <Dialog
          open
          onOpenChange={() => setWatched(null)}
          title={<span className="line-clamp-1">{watched.prompt || watched.model}</span>}
          size="lg"
          footer={<PlayerActions task={watched} />}
        >
          <Player task={watched} autoPlay />
        </Dialog>
      )}
    </>
  );
}

type Change = (c: { [k in (typeof keys)[number]]?: string }) => void;

function Filters({
  search,
  change,
  admin,
}: {
  search: { [k in (typeof keys)[number]]?: string };
  change: Change;
  admin: boolean;
}) {
  const { t } = useTranslation();
  const channels = api.useQuery("get", "/api/channels", { params: { query: { limit: 100 } } }, { enabled: admin });
  const models = api.useQuery("get", "/api/prices/public", {}, { staleTime: 600_000 });
  const names = [...new Set(models.data?.samples.map((s) => s.order.model))].sort();
  const text = (key: (typeof keys)[number], label: string) => (
    <Field label={label}>
      <Input
        key={search[key] ?? ""}
        defaultValue={search[key]}
        onBlur={(e) => change({ [key]: e.target.value.trim() || undefined })}
        onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
      />
    </Field>
  );
  return (
    <div className="max-h-[60vh] space-y-3 overflow-y-auto p-0.5">
      <Field label={t("tasks.type")}>
        <Select value={search.type ?? ""} onChange={(e) => change({ type: e.target.value || undefined })}>
          <option value="">{t("list.all")}</option>
          {types.map((x) => (
            <option key={x}>{x}</option>
          ))}
        </Select>
      </Field>
      <Field label={t("tasks.model")}>
        <Select value={search.model ?? ""} onChange={(e) => change({ model: e.target.value || undefined })}>
          <option value="">{t("list.all")}</option>
          {names.map((x) => (
            <option key={x}>{x}</option>
          ))}
        </Select>
      </Field>
      {admin && (
        <>
          <Field label={t("tasks.channel")}>
            <Select
              value={search.channel_id ?? ""}
              onChange={(e) => change({ channel_id: e.target.value || undefined })}
            >
              <option value="">{t("list.all")}</option>
              {channels.data?.items.map((c) => (
                <option key={c.id} value={c.id}>
                  {c.name}
                </option>
              ))}
            </Select>
          </Field>
          <Field label={t("tasks.user")}>
            <UserInput value={search.user_id ?? ""} onChange={(id) => change({ user_id: id || undefined })} />
          </Field>
          <Field label={t("tasks.state")} hint={t("tasks.stateHint")}>
            <Select
              value={search.state ?? ""}
              onChange={(e) => change({ state: e.target.value || undefined, status: undefined })}
            >
              <option value="">{t("list.all")}</option>
              {["pending", "submitting", "unknown", "submitted", "processing", "succeed", "failed"].map((s) => (
                <option key={s} value={s}>
                  {t(`status.${s}`)}
                </option>
              ))}
            </Select>
          </Field>
        </>
      )}
      {text("id", t("tasks.id"))}
      {text("external_task_id", t("tasks.externalID"))}
      {admin && text("upstream_task_id", t("tasks.upstreamID"))}
      {text("tag", t("tasks.tag"))}
      {text("token_id", t("tasks.tokenID"))}
      <Field label={t("common.test")}>
        <Select value={search.test ?? ""} onChange={(e) => change({ test: e.target.value || undefined })}>
          <option value="">{t("list.all")}</option>
          <option value="true">{t("common.yes")}</option>
          <option value="false">{t("common.no")}</option>
        </Select>
      </Field>
    </div>
  );
}

type GalleryRows = {
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
};

/** Tasks as pictures. */
function Gallery({
  rows,
  all,
  of,
  empty,
}: {
  rows: GalleryRows;
  all: Task[];
  of: (t: Task) => Task;
  empty: React.ReactNode;
}) {
  const { t } = useTranslation();
  if (rows.error && all.length === 0) return <Failure error={rows.error} retry={() => rows.refetch()} />;
  const grid = "grid gap-4 [grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr))]";
  if (rows.isPending) {
    return (
      <div className={grid} role="status" aria-label={t("common.loading")}>
        {[1, 2, 3, 4, 5, 6, 7, 8].map((n) => (
          <Skeleton key={n} className="h-52 rounded-xl!" />
        ))}
      </div>
    );
  }
  if (all.length === 0 && !rows.hasNextPage)
    return <div className="rounded-xl border border-line bg-surface">{empty}</div>;
  return (
    <>
      <ul className={grid}>
        {all.map((row) => {
          const k = of(row);
          return (
            <li key={k.id}>
              <Link
                to="/tasks/$id"
                params={{ id: k.id }}
                className="group block overflow-hidden rounded-xl border border-line bg-surface hover:border-line-strong"
              >
                <div className="flex h-40 items-center justify-center bg-sunken">
                  <div style={{ aspectRatio: shape(k.aspect_ratio) }} className="relative h-full max-w-full">
                    <Poster task={k} eager className="size-full rounded-none!" />
                  </div>
                </div>
                <div className="space-y-1.5 p-3">
                  <p className="line-clamp-2 min-h-10 break-words">{k.prompt || t("tasks.noPrompt")}</p>
                  <div className="flex items-center justify-between gap-2 text-faint text-xs">
                    <Status of={k.status} />
                    <When at={k.created_at} />
                  </div>
                </div>
              </Link>
            </li>
          );
        })}
      </ul>
      {rows.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button busy={rows.isFetchingNextPage} onClick={() => rows.fetchNextPage()}>
            {t("list.more")}
          </Button>
        </div>
      )}
    </>
  );
}
