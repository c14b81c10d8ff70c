import { MonitorSmartphone } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, client } from "@/api/client";
import { stale } from "@/api/queries";
import { useErrorText } from "@/lib/errors";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Badge, Card, When } from "@/ui/data";
import { Failure, Skeleton } from "@/ui/feedback";

/** A browser by the two words that people know it by. */
function browser(agent: string): string {
  const name = /Edg\//.test(agent)
    ? "Edge"
    : /Firefox\//.test(agent)
      ? "Firefox"
      : /Chrome\//.test(agent)
        ? "Chrome"
        : /Safari\//.test(agent)
          ? "Safari"
          : (agent.split(/[\s/]/)[0] ?? "");
  const system = /iPhone|iPad/.test(agent)
    ? "iOS"
    : /Android/.test(agent)
      ? "Android"
      : /Mac OS X/.test(agent)
        ? "macOS"
        : /Windows/.test(agent)
          ? "Windows"
          : /Linux/.test(agent)
            ? "Linux"
            : "";
  return [name, system].filter(Boolean).join(", ");
}

/** Where one is signed in, and the end of it. */
export function Sessions() {
  const { t } = useTranslation();
  const say = useErrorText();
  const { data, error, refetch } = api.useQuery("get", "/api/me/sessions");
  const end = async (id: string) => {
    try {
      await client.DELETE("/api/me/sessions/{id}", { params: { path: { id } } });
      await stale("/api/me/sessions");
    } catch (e) {
      toast.error(say(e));
    }
  };
  return (
    <Card title={t("profile.sessions")} flush>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !data ? (
        <div className="p-4">
          <Skeleton className="h-16" />
        </div>
      ) : (
        <ul className="divide-y divide-line">
          {data.items.map((s) => (
            <li key={s.id} className="flex items-center gap-3 px-4 py-2.5">
              <MonitorSmartphone className="size-4 shrink-0 text-faint" aria-hidden />
              <span className="min-w-0 flex-1">
                <span className="flex flex-wrap items-center gap-2" title={s.agent}>
                  {browser(s.agent)} {s.current && <Badge tone="ok">{t("profile.thisOne")}</Badge>}
                </span>
                <span className="text-faint text-xs">
                  {s.address} · <When at={s.last_seen_at} ago />
                </span>
              </span>
              {!s.current && (
                <Button size="sm" onClick={() => end(s.id)}>
                  {t("profile.end")}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
