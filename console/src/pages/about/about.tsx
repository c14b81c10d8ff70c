import { BookOpenText, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { useIsAdmin } from "@/layout/session";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { Button } from "@/ui/button";
import { Badge, Card, Facts, PageHead, Status, When } from "@/ui/data";
import { ErrorNote, Failure, Note, Skeleton } from "@/ui/feedback";

/** What this gateway is, on what it runs, and whether its books agree. */
export default function About() {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const { data, error, refetch } = api.useQuery("get", "/api/about");
  const d = data?.details;
  return (
    <>
      <PageHead
        title={t("nav.about")}
        actions={
          <Button asChild>
            <a href="/api/docs">
              <BookOpenText aria-hidden />
              {t("nav.apiDocs")}
            </a>
          </Button>
        }
      >
        {t("about.lead")}
      </PageHead>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !data ? (
        <Skeleton className="h-80 rounded-xl!" />
      ) : (
        <div className="space-y-4">
          {data.recovering && (
            <Note tone="warn" title={t("about.recovering")}>
              {t("about.recoveringHint")}
            </Note>
          )}
          <div className="grid items-start gap-4 xl:grid-cols-2">
            <Card title={t("about.gateway")}>
              <Facts
                columns={1}
                items={[
                  [
                    t("about.version"),
                    <code key="v" className="font-mono">
                      {data.version}
                    </code>,
                  ],
                  [t("about.started"), <When key="s" at={data.started_at} full />],
                  [t("about.unit"), t("about.unitIs", { quota: format.number(data.quota_per_unit) })],
                  d && [t("about.system"), `${d.system}, ${d.go_version}`],
                  d && [
                    t("about.address"),
                    d.server_address ? (
                      <AddressShown key="a" d={d} />
                    ) : (
                      <span key="n" className="text-warn">
                        {t("about.noAddress")}
                      </span>
                    ),
                  ],
                  d && [t("about.maxBody"), `${d.max_body_mb} MB`],
                  d?.oidc && [t("about.oidc"), d.oidc],
                ]}
              />
            </Card>
            {d && (
              <Card title={t("about.parts")}>
                <Facts
                  columns={1}
                  items={[
                    [
                      t("about.database"),
                      <span key="d">{[databases[d.database.kind], d.database.version].filter(Boolean).join(" ")}</span>,
                    ],
                    !!d.database.free_bytes && [
                      t("about.free"),
                      t("about.gb", { n: format.number(Math.round(d.database.free_bytes / 2 ** 30)) }),
                    ],
                    [
                      "Redis",
                      <Badge key="r" tone={d.redis === "connected" ? "ok" : d.redis === "away" ? "bad" : "neutral"}>
                        {t(`about.redis.${d.redis}`)}
                      </Badge>,
                    ],
                    [
                      t("about.clock"),
                      <span key="c" className={cn("num", Math.abs(d.clock_offset_seconds) > 5 && "text-bad")}>
                        {format.number(Math.round(d.clock_offset_seconds * 1000) / 1000)} s
                      </span>,
                    ],
                  ]}
                />
              </Card>
            )}
          </div>
          {admin && <Nodes />}
          {admin && <Verify />}
        </div>
      )}
    </>
  );
}

const databases = { sqlite: "SQLite", mysql: "MySQL, MariaDB", postgres: "PostgreSQL" };

function AddressShown({ d }: { d: Schemas["AboutDetails"] }) {
  const { t } = useTranslation();
  return (
    <span className="break-all">
      {d.server_address} {!d.server_address_public && <Badge tone="warn">{t("about.private")}</Badge>}
    </span>
  );
}

function Nodes() {
  const { t } = useTranslation();
  const { data, error, refetch } = api.useQuery("get", "/api/nodes", {}, { refetchInterval: 10_000 });
  return (
    <Card title={t("about.nodes")} flush>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <div className="overflow-x-auto" tabIndex={0}>
          <table className="w-full min-w-160">
            <thead>
              <tr className="border-line border-b text-left text-soft text-xs">
                {["node", "state", "version", "listens", "started", "seen", "clock", "lag"].map((h) => (
                  <th key={h} className="px-4 py-2 font-medium">
                    {t(`about.${h}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data?.items.map((n) => (
                <tr key={n.id} className="border-line border-b last:border-0">
                  <td className="px-4 py-2 font-mono text-xs">{n.id.slice(0, 12)}</td>
                  <td className="px-4 py-2">
                    <Status of={n.status} />
                  </td>
                  <td className="px-4 py-2">{n.version}</td>
                  <td className="px-4 py-2 font-mono text-xs">{n.address}</td>
                  <td className="px-4 py-2">
                    <When at={n.started_at} />
                  </td>
                  <td className="px-4 py-2">
                    <When at={n.seen_at} ago />
                  </td>
                  <td className={cn("num px-4 py-2", Math.abs(n.clock_offset_seconds) > 5 && "text-bad")}>
                    {format.number(Math.round(n.clock_offset_seconds * 100) / 100)} s
                  </td>
                  <td className={cn("num px-4 py-2", n.directory_age_seconds > 5 && "text-bad")}>
                    {format.number(Math.round(n.directory_age_seconds * 10) / 10)} s
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** Adds up the books when it is asked to. */
function Verify() {
  const { t } = useTranslation();
  const [result, setResult] = useState<Schemas["Verification"] | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      const { data } = await client.POST("/api/verify");
      setResult(data ?? null);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card
      title={t("about.verify")}
      action={
        <Button size="sm" onClick={run} busy={busy}>
          <ShieldCheck aria-hidden />
          {t("about.verifyNow")}
        </Button>
      }
    >
      <p className="text-soft">{t("about.verifyHint")}</p>
      {busy && (
        <p className="mt-3 text-busy" role="status">
          {t("about.verifying")}
        </p>
      )}
      {error != null && <ErrorNote error={error} className="mt-3" />}
      {result && !busy && (
        <Note
          className="mt-3"
          tone={result.ok ? "ok" : "bad"}
          title={result.ok ? t("about.agree") : t("about.disagree", { count: result.mismatches.length })}
        >
          {t("about.took", { time: format.duration(result.took_ms / 1000) })}
        </Note>
      )}
      {result && !result.ok && (
        <ul className="mt-3 max-h-80 space-y-1 overflow-y-auto font-mono text-xs">
          {result.mismatches.map((m) => (
            <li key={`${m.kind}${m.id}${m.detail}`}>
              {m.kind} {m.id}: {m.detail}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
