import { Link, useParams } from "@tanstack/react-router";
import { Ban, Radar, Send, Terminal, WandSparkles } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { queries, stale } from "@/api/queries";
import { isAdmin as mayAll, useMe } from "@/layout/session";
import { cn } from "@/lib/cn";
import { useErrorText } from "@/lib/errors";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Button, useCopy } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, Card, Facts, Id, Json, Money, PageHead, Status, When } from "@/ui/data";
import { Failure, Note, Skeleton } from "@/ui/feedback";
import { isLive, useLive } from "./live";
import { Player, PlayerActions } from "./player";
import { snippet } from "./snippets";
import { Timeline } from "./timeline";
import { failure, priceStep } from "./words";

type Page = Schemas["TaskPage"];

/** All there is to know of one task. */
export default function TaskPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const options = { params: { path: { id } } };
  const { data, error, isPending, refetch } = api.useQuery("get", "/api/tasks/{id}", options);
  useLive(
    data && isLive(data) ? [data.id] : [],
    () => void refetch(),
    () => void refetch(),
  );
  const back = (
    <Link to="/tasks" className="hover:underline">
      {t("nav.tasks")}
    </Link>
  );
  if (error) {
    return (
      <>
        <PageHead title={id} back={back} />
        <Failure error={error} retry={() => refetch()} />
      </>
    );
  }
  if (isPending) {
    return (
      <>
        <PageHead title={<Skeleton className="h-7 w-72" />} back={back} />
        <div className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,26rem)]">
          <Skeleton className="aspect-video rounded-xl!" />
          <Skeleton className="h-80 rounded-xl!" />
        </div>
      </>
    );
  }
  return (
    <Shown
      task={data}
      back={back}
      set={(p) => queries.setQueryData(api.queryOptions("get", "/api/tasks/{id}", options).queryKey, p)}
    />
  );
}

function Shown({ task, back, set }: { task: Page; back: React.ReactNode; set: (p: Page) => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const admin = mayAll(me);
  const u = task.upstream;
  return (
    <>
      <PageHead
        back={back}
        title={
          <>
            {t("tasks.title")} <Id keep={28}>{task.id}</Id>
            <Status of={task.status} />
            {admin && u && u.state !== task.status && <Status of={u.state} />}
            {task.test && <Badge tone="accent">{t("common.test")}</Badge>}
          </>
        }
        actions={<Actions task={task} set={set} own={task.user_id === me.id} />}
      />
      {task.status === "failed" && (
        <Note tone="bad" className="mb-4" title={failure(t, task.fail_code)}>
          {task.fail_reason} {t("tasks.notCharged")}
        </Note>
      )}
      {task.queue && (
        <Note tone="info" className="mb-4" title={t("tasks.place", { n: task.queue.position })}>
          {task.queue.estimated_seconds
            ? t("tasks.estimate", { time: format.duration(task.queue.estimated_seconds) })
            : t("tasks.noEstimate")}{" "}
          {t("tasks.sendBefore", { time: format.dateTime(task.queue.send_before) })}
        </Note>
      )}
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_minmax(0,27rem)]">
        <div className="min-w-0 space-y-4">
          <Card flush>
            <div className="grid gap-4 p-4 md:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)]">
              <div className="space-y-3">
                <Player task={task} />
                <PlayerActions task={task} />
              </div>
              <div className="min-w-0">
                <h2 className="text-faint text-xs">{t("tasks.prompt")}</h2>
                <p className="mt-1 max-h-72 overflow-y-auto whitespace-pre-wrap break-words">
                  {task.prompt || t("tasks.noPrompt")}
                </p>
              </div>
            </div>
          </Card>
          <Card title={t("tasks.timeline")}>
            <Timeline task={task} admin={admin} />
          </Card>
          <Deliveries task={task} />
          <Card title={t("tasks.exchange")}>
            <div className="grid gap-4 lg:grid-cols-2">
              <div className="min-w-0">
                <h3 className="mb-1.5 text-soft">
                  {t("tasks.request")} <code className="font-mono text-xs">POST {task.route}</code>
                </h3>
                {task.request !== undefined ? (
                  <Json value={task.request} />
                ) : (
                  <p className="text-faint">{t("tasks.requestGone")}</p>
                )}
              </div>
              <div className="min-w-0">
                <h3 className="mb-1.5 text-soft">{t("tasks.result")}</h3>
                {task.result !== undefined && task.result !== null ? (
                  <Json value={task.result} />
                ) : (
                  <p className="text-faint">{t("tasks.noResult")}</p>
                )}
              </div>
            </div>
          </Card>
        </div>
        <div className="min-w-0 space-y-4">
          <Card title={t("tasks.order")}>
            <Facts
              columns={1}
              items={[
                [t("tasks.model"), task.model],
                [t("tasks.type"), task.type],
                [t("tasks.duration"), `${task.duration} s`],
                task.aspect_ratio && [t("tasks.ratio"), task.aspect_ratio],
                task.mode && [t("tasks.mode"), task.mode],
                [t("tasks.accepted"), <When key="a" at={task.created_at} full />],
                task.submitted_at && [t("tasks.sent"), <When key="s" at={task.submitted_at} full />],
                task.finished_at && [t("tasks.ended"), <When key="f" at={task.finished_at} full />],
                task.finished_at && [
                  t("tasks.took"),
                  format.duration((Date.parse(task.finished_at) - Date.parse(task.created_at)) / 1000),
                ],
                task.deadline_at && [t("tasks.deadline"), <When key="d" at={task.deadline_at} full />],
                admin && [
                  t("tasks.user"),
                  <Link
                    key="u"
                    to="/users/$id"
                    params={{ id: String(task.user_id) }}
                    className="text-accent-strong hover:underline"
                  >
                    {task.user ?? `#${task.user_id}`}
                  </Link>,
                ],
                !!task.token_id && [
                  t("tasks.token"),
                  <Link
                    key="t"
                    to="/tasks"
                    search={{ token_id: String(task.token_id) }}
                    className="text-accent-strong hover:underline"
                  >
                    #{task.token_id}
                  </Link>,
                ],
                task.external_task_id && [t("tasks.externalID"), <Id key="e">{task.external_task_id}</Id>],
                task.callback_url && [
                  "callback_url",
                  <span key="c" className="break-all font-mono text-xs">
                    {task.callback_url}
                  </span>,
                ],
                task.tags &&
                  Object.keys(task.tags).length > 0 && [
                    t("tasks.tags"),
                    <span key="g" className="flex flex-wrap justify-end gap-1">
                      {Object.entries(task.tags).map(([n, v]) => (
                        <Badge key={n}>
                          {n}={v}
                        </Badge>
                      ))}
                    </span>,
                  ],
              ]}
            />
          </Card>
          <Card title={t("tasks.price")}>
            <p className="flex items-baseline justify-between">
              <span className="text-soft">
                {task.status === "succeed"
                  ? t("tasks.charged")
                  : task.status === "failed"
                    ? t("tasks.wouldHave")
                    : t("tasks.heldNow")}
              </span>
              <Money quota={task.status === "succeed" ? task.charged : task.quota} className="font-semibold text-lg" />
            </p>
            {task.price.explanation && (
              <ol className="num mt-2 space-y-1 border-line border-t pt-2 text-soft text-xs">
                {task.price.explanation.map((line) => (
                  <li key={line}>{priceStep(t, line)}</li>
                ))}
              </ol>
            )}
            <p className="mt-2 text-faint text-xs">
              {t("tasks.rule", { rule: task.price.rule, version: task.price.version })}
            </p>
            {u?.cost && <Cost cost={u.cost} />}
          </Card>
          <Card title={t("tasks.ledger")} flush>
            <table className="w-full">
              <tbody>
                {task.ledger.map((e) => (
                  <tr key={e.id} className="border-line border-b last:border-0">
                    <td className="px-4 py-2">
                      {t(`ledgerKind.${e.kind}`)}
                      <div className="text-faint text-xs">
                        <When at={e.at} />
                      </div>
                    </td>
                    <td className="px-4 py-2 text-right">
                      {e.available !== 0 ? (
                        <Money quota={e.available} signed />
                      ) : (
                        <Money quota={e.held} className="text-soft" />
                      )}
                      <div className="text-faint text-xs">
                        {e.available !== 0 ? t("tasks.ofBalance") : t("tasks.ofHold")}
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Card>
          {u && (
            <Card title={t("tasks.upstream")}>
              <Facts
                columns={1}
                items={[
                  [t("tasks.state"), <Status key="s" of={u.state} />],
                  !!u.channel_id && [
                    t("tasks.channel"),
                    <Link
                      key="c"
                      to="/channels/$id"
                      params={{ id: String(u.channel_id) }}
                      className="text-accent-strong hover:underline"
                    >
                      {u.channel ?? `#${u.channel_id}`}
                    </Link>,
                  ],
                  u.key_id && [
                    t("tasks.key"),
                    <code key="k" className="font-mono text-xs">
                      {u.key_id}
                    </code>,
                  ],
                  u.task_id && [t("tasks.upstreamID"), <Id key="i">{u.task_id}</Id>],
                  u.ref && [t("tasks.ref"), <Id key="r">{u.ref}</Id>],
                  [t("tasks.attempt"), u.attempt],
                  [t("tasks.checks"), u.checks],
                  u.next_check_at && isLive(task) && [t("tasks.nextCheck"), <When key="n" at={u.next_check_at} ago />],
                  u.request_id && [t("common.requestId"), <Id key="q">{u.request_id}</Id>],
                ]}
              />
            </Card>
          )}
        </div>
      </div>
    </>
  );
}

function Cost({ cost }: { cost: Schemas["TaskCost"] }) {
  const { t } = useTranslation();
  return (
    <div className="mt-3 space-y-1 border-line border-t pt-3">
      {cost.billed.map((b) => (
        <p key={b.unit} className="flex justify-between text-soft">
          <span>{t("tasks.billed", { unit: t(`tasks.unit.${b.unit}`, { defaultValue: b.unit }) })}</span>
          <span className="num">
            {b.amount}
            {b.usd && ` = ${format.dollars(b.usd)}`}
          </span>
        </p>
      ))}
      {cost.margin_usd && (
        <p className="flex justify-between font-medium">
          <span>{t("tasks.margin")}</span>
          <span className={cn("num", cost.margin_usd.startsWith("-") && "text-bad")}>
            {format.dollars(cost.margin_usd)}
          </span>
        </p>
      )}
    </div>
  );
}

function Actions({ task, set, own }: { task: Page; set: (p: Page) => void; own: boolean }) {
  const { t } = useTranslation();
  const say = useErrorText();
  const [busy, setBusy] = useState(false);
  const [cancelling, setCancelling] = useState(false);
  const { copied, copy } = useCopy();
  const check = async () => {
    setBusy(true);
    try {
      const { data } = await client.POST("/api/tasks/{id}/check", { params: { path: { id: task.id } } });
      if (data) set(data);
      toast.success(t("tasks.checked"));
    } catch (error) {
      toast.error(say(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {isLive(task) && task.status !== "pending" && (
        <Button busy={busy} onClick={check}>
          <Radar aria-hidden />
          {t("tasks.check")}
        </Button>
      )}
      {task.status === "pending" && (
        <Button look="danger" onClick={() => setCancelling(true)}>
          <Ban aria-hidden />
          {t("tasks.cancel")}
        </Button>
      )}
      {task.request !== undefined && (
        <>
          <Button onClick={() => copy(snippet("curl", location.origin, task.route, task.request))}>
            <Terminal aria-hidden />
            {copied ? t("common.copied") : t("tasks.asCurl")}
          </Button>
          {own && (
            <Button asChild>
              <Link to="/playground" search={{ from: task.id }}>
                <WandSparkles aria-hidden />
                {t("tasks.again")}
              </Link>
            </Button>
          )}
        </>
      )}
      <Confirm
        open={cancelling}
        onOpenChange={setCancelling}
        title={t("tasks.cancelTitle")}
        action={t("tasks.cancel")}
        run={async () => {
          const { data } = await client.POST("/api/tasks/{id}/cancel", { params: { path: { id: task.id } } });
          if (data) set(data);
          await stale("/api/tasks", "/api/me");
        }}
      >
        {t("tasks.cancelHint", { id: task.id, amount: format.usd(task.quota) })}
      </Confirm>
    </>
  );
}

/** The webhooks of a task, each with a button that sends it again. */
function Deliveries({ task }: { task: Page }) {
  const { t } = useTranslation();
  const say = useErrorText();
  const told = task.timeline.some((e) => e.kind === "webhook");
  const list = api.useQuery(
    "get",
    "/api/webhooks/deliveries",
    { params: { query: { task_id: task.id, limit: 20 } } },
    { enabled: told },
  );
  if (!told || !list.data || list.data.items.length === 0) return null;
  const again = async (id: string) => {
    try {
      await client.POST("/api/webhooks/deliveries/{id}/redeliver", { params: { path: { id } } });
      toast.success(t("tasks.redelivering"));
      await stale("/api/webhooks/deliveries", "/api/tasks");
    } catch (error) {
      toast.error(say(error));
    }
  };
  return (
    <Card title={t("tasks.webhooks")} flush>
      <ul className="divide-y divide-line">
        {list.data.items.map((d) => (
          <li key={d.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
            <Status of={d.status} />
            <span className="min-w-0 flex-1 basis-60 break-all font-mono text-xs">{d.url}</span>
            <span className="text-faint text-xs">
              {t("tasks.tries", { count: d.tries })}
              {d.last_status ? ` · HTTP ${d.last_status}` : ""}
            </span>
            <Button size="sm" onClick={() => again(d.id)}>
              <Send aria-hidden />
              {t("tasks.redeliver")}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
