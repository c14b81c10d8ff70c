import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { AdminOnly } from "@/layout/outcomes";
import { PageSkeleton } from "@/layout/shell";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Badge, Card, Facts, Figure, PageHead, When } from "@/ui/data";
import { Failure, Note } from "@/ui/feedback";
import { Tabs } from "@/ui/tabs";
import { ChannelMenu, DeleteChannel, TestButton } from "./actions";
import { ChannelForm } from "./form";
import { ChannelState, KeyKind, TroubleText, troubleOf } from "./health";
import { ResourcePacks } from "./packs";
import { Reconcile } from "./reconcile";
import { ChannelTest, type Tested } from "./test";
import { readReason, readTest, useTold } from "./told";

const keys = ["tab"] as const;

export default function ChannelPage() {
  return (
    <AdminOnly>
      <OneChannel />
    </AdminOnly>
  );
}

function OneChannel() {
  const { t } = useTranslation();
  const told = useTold();
  const navigate = useNavigate();
  const { id: text } = useParams({ strict: false });
  const id = Number(text);
  const [search, change] = useSearchState(keys);
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [tested, setTested] = useState<Tested | null>(null);
  const query = api.useQuery(
    "get",
    "/api/channels/{id}",
    { params: { path: { id } } },
    { enabled: !deleting, refetchInterval: 15_000 },
  );
  if (query.error && !query.data) return <Failure error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <PageSkeleton />;
  const c = query.data;
  const tab = search.tab === "reconcile" ? "reconcile" : "overview";
  return (
    <>
      <PageHead
        back={
          <Link to="/channels" className="hover:underline">
            {t("nav.channels")}
          </Link>
        }
        title={
          <>
            {c.name} <ChannelState channel={c} />
          </>
        }
        actions={
          <>
            <Button asChild look="ghost">
              <Link to="/tasks" search={{ channel_id: String(c.id) }}>
                {t("channels.itsTasks")}
              </Link>
            </Button>
            <TestButton onClick={() => setTested({ channel: c })} />
            <Button onClick={() => setEditing(true)}>
              <Pencil aria-hidden />
              {t("common.edit")}
            </Button>
            <ChannelMenu channel={c} onDelete={() => setDeleting(true)} />
          </>
        }
      >
        #{c.id} · {t(`channels.typeName.${c.type}`, { defaultValue: c.provider })} · {c.base_url}
      </PageHead>
      <Tabs
        label={c.name}
        value={tab}
        onChange={(next) => change({ tab: next === "overview" ? undefined : next })}
        tabs={[
          ["overview", t("nav.overview")],
          ["reconcile", t("channels.reconcile")],
        ]}
      >
        {tab === "reconcile" ? (
          <Reconcile id={c.id} />
        ) : (
          <>
            {c.warnings.length > 0 && (
              <Note tone="warn" className="mb-4" title={t("channels.warnings", { count: c.warnings.length })}>
                <ul className="list-disc space-y-0.5 pl-4">
                  {c.warnings.map((w) => (
                    <li key={w}>{told.warning(w)}</li>
                  ))}
                </ul>
              </Note>
            )}
            <Overview channel={c} />
          </>
        )}
      </Tabs>
      {editing && (
        <ChannelForm channel={c} onClose={() => setEditing(false)} onSaved={() => toast.success(t("common.saved"))} />
      )}
      {tested && <ChannelTest tested={tested} onClose={() => setTested(null)} />}
      {deleting && (
        <DeleteChannel
          channel={c}
          onClose={() => setDeleting(false)}
          onDeleted={() => void navigate({ to: "/channels" })}
        />
      )}
    </>
  );
}

function Overview({ channel: c }: { channel: Schemas["Channel"] }) {
  const { t } = useTranslation();
  const r = c.recent;
  return (
    <div className="space-y-4">
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Figure
          label={t("channels.live")}
          value={`${format.number(c.live_tasks)} / ${c.max_live > 0 ? format.number(c.max_live) : "∞"}`}
          note={c.max_live > 0 ? t("channels.capPerModel") : t("channels.noCap")}
          to="/tasks"
          search={{ channel_id: String(c.id) }}
        />
        <Figure
          label={t("channels.success")}
          value={r.success_rate == null ? "–" : format.percent(r.success_rate)}
          note={t("channels.last24h")}
          tone={r.success_rate != null && r.success_rate < 0.8 ? "bad" : undefined}
        />
        <Figure
          label={t("channels.calls")}
          value={format.number(r.calls)}
          note={t("channels.callsShort", { rejected: r.rejected, failed: r.failed })}
        />
        <Figure
          label={t("channels.lastTest")}
          value={c.test_result ? t(c.test_result.startsWith("ok") ? "channels.keyWorks" : "channels.keyFails") : "–"}
          note={c.tested_at && format.ago(c.tested_at)}
          tone={c.test_result && !c.test_result.startsWith("ok") ? "bad" : undefined}
        />
      </div>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="min-w-0 space-y-4">
          <Health channel={c} />
          <Keys channel={c} />
        </div>
        <div className="min-w-0 space-y-4">
          <ResourcePacks id={c.id} />
          <Settings channel={c} />
        </div>
      </div>
    </div>
  );
}

/** What is wrong and what to do, or that nothing is. */
function Health({ channel: c }: { channel: Schemas["Channel"] }) {
  const { t } = useTranslation();
  const told = useTold();
  let trouble = troubleOf(c);
  let last = c.reason ? troubleOf({ ...c, reason: undefined }) : null;
  // The call that took the channel out is told once.
  if (trouble && last && trouble.code === last.code && trouble.message === last.message) {
    trouble = { ...trouble, task: last.task };
    last = null;
  }
  const test = c.test_result ? readTest(c.test_result) : null;
  return (
    <Card title={t("channels.health")}>
      {!trouble && test?.ok !== false && (
        <p className="text-soft">{t(c.recent.calls > 0 ? "channels.healthy" : "channels.noCalls")}</p>
      )}
      <div className="space-y-4">
        {[trouble, last].map(
          (x) =>
            x && (
              <div key={x.now ? "now" : "last"}>
                <p className="mb-1 flex flex-wrap items-baseline gap-2 text-faint text-xs">
                  {t(x.now ? "channels.reason" : "channels.lastError")}
                  {x.at && <When at={x.at} ago />}
                  {x.task && (
                    <Link
                      to="/tasks/$id"
                      params={{ id: x.task }}
                      className="underline underline-offset-2 hover:text-ink"
                    >
                      {t("channels.task")}
                    </Link>
                  )}
                </p>
                <TroubleText trouble={x} />
              </div>
            ),
        )}
        {test && (
          <div className={trouble ? undefined : "mt-3"}>
            <p className="mb-1 flex items-baseline gap-2 text-faint text-xs">
              {t("channels.lastTest")} <When at={c.tested_at} ago />
            </p>
            {test.ok ? (
              <p className="break-words text-soft">{told.said(test.said)}</p>
            ) : (
              <>
                <p>{t("channels.testBad", { works: test.works, count: test.count })}</p>
                <code className="font-mono text-faint text-xs">{test.key}</code>
                <TroubleText trouble={readReason(test.error)} />
              </>
            )}
          </div>
        )}
      </div>
    </Card>
  );
}

function Keys({ channel: c }: { channel: Schemas["Channel"] }) {
  const { t } = useTranslation();
  const told = useTold();
  return (
    <Card title={`${t("channels.keys")} (${c.keys.length})`} flush>
      <ul className="divide-y divide-line">
        {c.keys.map((k) => (
          <li key={k.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5">
            <code className="font-mono text-xs">{k.id}</code>
            <KeyKind kind={k.problem ? "problem" : k.kind} />
            <span className={k.problem ? "text-bad text-xs" : "text-faint text-xs"}>
              {k.problem ? told.keyProblem(k.problem) : t(`channels.keyServes.${k.kind}`)}
            </span>
          </li>
        ))}
        {c.keys.length === 0 && <li className="px-4 py-3 text-bad">{t("channels.noKeys")}</li>}
      </ul>
    </Card>
  );
}

function Settings({ channel: c }: { channel: Schemas["Channel"] }) {
  const { t } = useTranslation();
  return (
    <Card title={t("channels.settings")}>
      <Facts
        columns={1}
        items={[
          [
            t("channels.modelList"),
            <span key="m" className="flex flex-wrap justify-end gap-1">
              {c.models.map((m) => (
                <Badge key={m} className="font-mono!">
                  {m}
                </Badge>
              ))}
            </span>,
          ],
          [t("channels.groups"), c.groups.join(", ")],
          [
            t("channels.priority"),
            <span key="p" className="num">
              {format.number(c.priority)}
            </span>,
          ],
          [
            t("channels.weight"),
            <span key="w" className="num">
              {format.number(c.weight)}
            </span>,
          ],
          [
            t("channels.cap"),
            <span key="c" className="num">
              {c.max_live > 0 ? format.number(c.max_live) : t("channels.noCap")}
            </span>,
          ],
          [
            t("channels.webhookSecret"),
            c.webhook_secrets ? t("channels.webhookSet", { count: c.webhook_secrets }) : t("common.none"),
          ],
          c.created_at ? [t("common.created"), <When key="t" at={c.created_at} full />] : null,
        ]}
      />
    </Card>
  );
}
