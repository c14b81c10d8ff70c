import { Link } from "@tanstack/react-router";
import { MoreHorizontal, Plus, Send, Webhook as WebhookIcon } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useIsAdmin } from "@/layout/session";
import { useErrorText } from "@/lib/errors";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, Code, Facts, PageHead, Status, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Empty, Note } from "@/ui/feedback";
import { ClearFilters, RangeFilter, SelectFilter } from "@/ui/filter";
import { Segments } from "@/ui/form";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { resolveRange } from "@/ui/range";
import { byCursor, type Column, List } from "@/ui/table";
import { EndpointForm } from "./form";
import { Secret, SecretShown } from "./secret";

type Endpoint = Schemas["Webhook"];
type Delivery = Schemas["WebhookDelivery"];
const keys = ["tab", "new", "status", "endpoint", "span", "since", "until", "type"] as const;

/** Where the ends of tasks are told to, and how that went. */
export default function Webhooks() {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const tab = search.tab === "deliveries" ? "deliveries" : "endpoints";
  return (
    <>
      <PageHead
        title={t("nav.webhooks")}
        actions={
          <>
            <Segments
              label={t("nav.webhooks")}
              value={tab}
              onChange={(v) =>
                change({ tab: v === "endpoints" ? undefined : v, status: undefined, endpoint: undefined }, true)
              }
              options={[
                ["endpoints", t("webhooks.endpoints")],
                ["deliveries", t("webhooks.deliveries")],
              ]}
            />
            <Button look="primary" onClick={() => change({ new: "1" })}>
              <Plus aria-hidden />
              {t("webhooks.create")}
            </Button>
          </>
        }
      >
        {t("webhooks.lead")}
      </PageHead>
      {tab === "endpoints" ? (
        <Endpoints search={search} change={change} />
      ) : (
        <Deliveries search={search} change={change} />
      )}
    </>
  );
}

type State = { [k in (typeof keys)[number]]?: string };
type Part = { search: State; change: (c: State, push?: boolean) => void };

function Endpoints({ search, change }: Part) {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const say = useErrorText();
  const [edited, setEdited] = useState<Endpoint | null>(null);
  const [secret, setSecret] = useState<Endpoint | null>(null);
  const [deleted, setDeleted] = useState<Endpoint | null>(null);
  const [made, setMade] = useState<Schemas["WebhookWithSecret"] | null>(null);
  const [tested, setTested] = useState<{ of: Endpoint; result: Schemas["WebhookTest"] } | null>(null);
  const rows = api.useInfiniteQuery(
    "get",
    "/api/webhooks",
    { params: { query: { limit: 50, status: search.status } as never } },
    byCursor,
  );
  const attempt = async (f: () => Promise<unknown>) => {
    try {
      await f();
    } catch (error) {
      toast.error(say(error));
    }
  };
  const test = (of: Endpoint) =>
    attempt(async () => {
      const { data } = await client.POST("/api/webhooks/{id}/test", { params: { path: { id: of.id } } });
      if (data) setTested({ of, result: data });
      await stale("/api/webhooks");
    });
  const toggle = (e: Endpoint) =>
    attempt(async () => {
      await client.PATCH("/api/webhooks/{id}", {
        params: { path: { id: e.id } },
        body: { version: e.version, status: e.status === "enabled" ? "disabled" : "enabled" },
      });
      await stale("/api/webhooks");
    });
  const again = (e: Endpoint) =>
    attempt(async () => {
      const { data } = await client.POST("/api/webhooks/{id}/redeliver", {
        params: { path: { id: e.id } },
        body: { since: new Date(Date.now() - 7 * 86_400_000).toISOString() },
      });
      if (data) toast.success(t("webhooks.again", { count: data.deliveries }));
      await stale("/api/webhooks");
    });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the functions only call and set
  const columns = useMemo<Column<Endpoint>[]>(
    () => [
      {
        id: "url",
        title: t("webhooks.address"),
        phone: "wide",
        className: "max-w-md",
        cell: (e) => (
          <div className="min-w-0">
            <button
              type="button"
              onClick={() => setEdited(e)}
              className="break-all text-left font-mono text-[0.8125rem] hover:underline"
            >
              {e.url}
            </button>
            {e.description && <div className="text-faint text-xs">{e.description}</div>}
            {e.reason && (
              <div className="text-bad text-xs">
                {t(`webhooks.reason.${e.reason}`)} <When at={e.reason_at} />
              </div>
            )}
          </div>
        ),
      },
      { id: "status", title: t("webhooks.status"), phone: "head", cell: (e) => <Status of={e.status} /> },
      ...(admin ? [{ id: "user", title: t("webhooks.user"), cell: (e: Endpoint) => e.user }] : []),
      {
        id: "events",
        title: t("webhooks.events"),
        cell: (e) =>
          e.events.length === 0 ? (
            <span className="text-faint">{t("list.all")}</span>
          ) : (
            e.events.map((x) => <Badge key={x}>{x}</Badge>)
          ),
      },
      {
        id: "last",
        title: t("webhooks.last"),
        cell: (e) =>
          e.last_try_at ? (
            <span>
              {e.last_status ? `HTTP ${e.last_status}` : t("webhooks.noAnswer")}{" "}
              <span className="text-faint text-xs">
                <When at={e.last_try_at} ago />
              </span>
            </span>
          ) : (
            <span className="text-faint">–</span>
          ),
      },
      {
        id: "failing",
        title: t("webhooks.failing"),
        cell: (e) =>
          e.failing_since ? (
            <span className="text-bad">
              <When at={e.failing_since} ago />
            </span>
          ) : (
            <span className="text-faint">–</span>
          ),
      },
      { id: "rotated", title: t("webhooks.rotated"), extra: true, cell: (e) => <When at={e.rotated_at} /> },
      { id: "created", title: t("common.created"), extra: true, cell: (e) => <When at={e.created_at} /> },
      {
        id: "actions",
        title: t("common.actions"),
        right: true,
        phone: "head",
        cell: (e) => (
          <Menu
            trigger={
              <IconButton label={t("common.actions")}>
                <MoreHorizontal aria-hidden />
              </IconButton>
            }
          >
            <MenuItem onSelect={() => void test(e)}>{t("webhooks.test")}</MenuItem>
            <MenuItem onSelect={() => setEdited(e)}>{t("common.edit")}</MenuItem>
            <MenuItem onSelect={() => setSecret(e)}>{t("webhooks.secret")}</MenuItem>
            <MenuItem asChild>
              <Link to="/webhooks" search={{ tab: "deliveries", endpoint: String(e.id) }}>
                {t("webhooks.seeDeliveries")}
              </Link>
            </MenuItem>
            <MenuItem onSelect={() => void again(e)}>{t("webhooks.sendFailed")}</MenuItem>
            <MenuLine />
            <MenuItem onSelect={() => void toggle(e)}>
              {e.status === "enabled" ? t("common.disable") : t("common.enable")}
            </MenuItem>
            <MenuItem danger onSelect={() => setDeleted(e)}>
              {t("common.delete")}
            </MenuItem>
          </Menu>
        ),
      },
    ],
    [t, admin],
  );
  return (
    <>
      <List
        name="webhooks"
        caption={t("webhooks.endpoints")}
        columns={columns}
        rows={rows}
        rowKey={(e) => e.id}
        onOpen={setEdited}
        toolbar={
          <SelectFilter
            label={t("webhooks.status")}
            value={search.status}
            onChange={(status) => change({ status })}
            options={[
              ["enabled", t("status.enabled")],
              ["disabled", t("status.disabled")],
            ]}
          />
        }
        empty={
          <Empty
            icon={WebhookIcon}
            title={t("webhooks.none")}
            action={
              <Button look="primary" onClick={() => change({ new: "1" })}>
                {t("webhooks.create")}
              </Button>
            }
          >
            {t("webhooks.noneHint")}
          </Empty>
        }
      />
      {search.new && <EndpointForm onClose={() => change({ new: undefined })} onMade={setMade} />}
      {edited && <EndpointForm endpoint={edited} onClose={() => setEdited(null)} />}
      {secret && <Secret endpoint={secret} onClose={() => setSecret(null)} />}
      {made && (
        <Dialog open onOpenChange={() => setMade(null)} title={t("webhooks.made")}>
          <SecretShown secrets={made.secret ? [{ secret: made.secret }] : []} />
        </Dialog>
      )}
      {tested && (
        <Dialog open onOpenChange={() => setTested(null)} title={t("webhooks.testTitle")} size="sm">
          <div className="space-y-3">
            <Note
              tone={tested.result.delivered ? "ok" : "bad"}
              title={tested.result.delivered ? t("webhooks.arrived") : t("webhooks.notArrived")}
            >
              {[
                tested.result.status ? `HTTP ${tested.result.status}` : "",
                tested.result.error,
                format.duration(tested.result.took_ms / 1000),
              ]
                .filter(Boolean)
                .join(" · ")}
            </Note>
            <p className="break-all font-mono text-xs">{tested.of.url}</p>
            {tested.result.response && <Code wrap>{tested.result.response}</Code>}
          </div>
        </Dialog>
      )}
      {deleted && (
        <Confirm
          open
          onOpenChange={() => setDeleted(null)}
          title={t("webhooks.deleteTitle")}
          action={t("common.delete")}
          run={async () => {
            await client.DELETE("/api/webhooks/{id}", { params: { path: { id: deleted.id } } });
            await stale("/api/webhooks");
          }}
        >
          {t("webhooks.deleteHint")}
          <p className="mt-2 break-all font-mono text-ink text-xs">{deleted.url}</p>
        </Confirm>
      )}
    </>
  );
}

function Deliveries({ search, change }: Part) {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const say = useErrorText();
  const [shown, setShown] = useState<Delivery | null>(null);
  const query = useMemo(() => {
    const { status, endpoint, type, span, since, until } = search;
    return {
      status,
      type,
      endpoint: endpoint ? Number(endpoint) : undefined,
      ...resolveRange({ span, since, until }),
      limit: 50,
    };
  }, [search]);
  const rows = api.useInfiniteQuery("get", "/api/webhooks/deliveries", { params: { query: query as never } }, byCursor);
  const again = async (d: Delivery) => {
    try {
      await client.POST("/api/webhooks/deliveries/{id}/redeliver", { params: { path: { id: d.id } } });
      toast.success(t("webhooks.sendingAgain"));
      await stale("/api/webhooks");
    } catch (error) {
      toast.error(say(error));
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: again only calls
  const columns = useMemo<Column<Delivery>[]>(
    () => [
      { id: "at", title: t("webhooks.event"), phone: "head", cell: (d) => <When at={d.created_at} /> },
      { id: "status", title: t("webhooks.status"), phone: "head", cell: (d) => <Status of={d.status} /> },
      { id: "type", title: t("webhooks.type"), cell: (d) => <Badge>{d.type}</Badge> },
      {
        id: "task",
        title: t("webhooks.task"),
        cell: (d) => (
          <Link
            to="/tasks/$id"
            params={{ id: d.task_id }}
            className="font-mono text-accent-strong text-xs hover:underline"
          >
            {d.task_id.slice(0, 18)}…
          </Link>
        ),
      },
      ...(admin ? [{ id: "user", title: t("webhooks.user"), extra: true, cell: (d: Delivery) => d.user }] : []),
      {
        id: "url",
        title: t("webhooks.address"),
        phone: "wide",
        className: "max-w-64",
        cell: (d) => <span className="line-clamp-2 break-all font-mono text-xs">{d.url}</span>,
      },
      {
        id: "answer",
        title: t("webhooks.answer"),
        cell: (d) => (
          <span>
            {d.last_status ? `HTTP ${d.last_status}` : d.problem ? t(`webhooks.problem.${d.problem}`) : "–"}
            {d.last_took_ms !== undefined && (
              <span className="text-faint text-xs"> {format.duration(d.last_took_ms / 1000)}</span>
            )}
          </span>
        ),
      },
      { id: "tries", title: t("webhooks.tries"), right: true, cell: (d) => d.tries },
      {
        id: "next",
        title: t("webhooks.next"),
        cell: (d) => (d.status === "pending" ? <When at={d.next_try_at} ago /> : <span className="text-faint">–</span>),
      },
      {
        id: "actions",
        title: t("common.actions"),
        right: true,
        cell: (d) => (
          <Button size="sm" look="ghost" onClick={() => void again(d)}>
            <Send aria-hidden />
            {t("webhooks.redeliver")}
          </Button>
        ),
      },
    ],
    [t, admin],
  );
  const filtered = !!(search.status || search.endpoint || search.type || search.span || search.since || search.until);
  return (
    <>
      <List
        name="deliveries"
        caption={t("webhooks.deliveries")}
        columns={columns}
        rows={rows}
        rowKey={(d) => d.id}
        onOpen={setShown}
        toolbar={
          <>
            <SelectFilter
              label={t("webhooks.status")}
              value={search.status}
              onChange={(status) => change({ status })}
              options={["pending", "delivered", "failed"].map((s) => [s, t(`status.${s}`)] as const)}
            />
            <SelectFilter
              label={t("webhooks.type")}
              value={search.type}
              onChange={(type) => change({ type })}
              options={["task.succeed", "task.failed"].map((s) => [s, s] as const)}
            />
            <RangeFilter
              label={t("webhooks.event")}
              value={search}
              onChange={(r) => change({ span: r.span, since: r.since, until: r.until })}
            />
            <ClearFilters
              active={filtered}
              onClear={() =>
                change({
                  status: undefined,
                  endpoint: undefined,
                  type: undefined,
                  span: undefined,
                  since: undefined,
                  until: undefined,
                })
              }
            />
          </>
        }
        empty={
          <Empty icon={Send} title={filtered ? t("common.noneFound") : t("webhooks.noDeliveries")}>
            {!filtered && t("webhooks.noDeliveriesHint")}
          </Empty>
        }
      />
      {shown && (
        <Dialog open onOpenChange={() => setShown(null)} title={t("webhooks.delivery")}>
          <div className="space-y-3">
            <Facts
              columns={1}
              items={[
                [t("webhooks.status"), <Status key="s" of={shown.status} />],
                [
                  t("webhooks.address"),
                  <span key="u" className="break-all font-mono text-xs">
                    {shown.url}
                  </span>,
                ],
                [
                  "webhook-id",
                  <code key="i" className="font-mono text-xs">
                    {shown.event_id}
                  </code>,
                ],
                [t("webhooks.tries"), shown.tries],
                [t("webhooks.lastTry"), <When key="l" at={shown.last_try_at} full />],
                [t("webhooks.arrivedAt"), <When key="a" at={shown.delivered_at} full />],
                [t("webhooks.next"), <When key="n" at={shown.next_try_at} full />],
              ]}
            />
            {shown.error && <Note tone="bad">{shown.error}</Note>}
            {shown.response && <Code wrap>{shown.response}</Code>}
          </div>
        </Dialog>
      )}
    </>
  );
}
