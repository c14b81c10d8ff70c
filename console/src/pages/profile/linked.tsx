import { useTranslation } from "react-i18next";
import { api, client } from "@/api/client";
import { stale } from "@/api/queries";
import { useErrorText } from "@/lib/errors";
import { toast } from "@/lib/toast";
import { Button } from "@/ui/button";
import { Card, When } from "@/ui/data";

/** Accounts at a sign-in provider that stand for this user. Shown where one is configured. */
export function Linked() {
  const { t } = useTranslation();
  const say = useErrorText();
  const methods = api.useQuery("get", "/api/session/methods", {}, { staleTime: 600_000 });
  const provider = methods.data?.oidc;
  const { data } = api.useQuery("get", "/api/me/oidc", {}, { enabled: !!provider });
  if (!provider) return null;
  const attempt = async (f: () => Promise<unknown>) => {
    try {
      await f();
    } catch (error) {
      toast.error(say(error));
    }
  };
  return (
    <Card title={t("profile.linked")}>
      <ul className="space-y-2">
        {data?.items.map((a) => (
          <li key={a.id} className="flex items-center gap-3">
            <span className="min-w-0 flex-1 truncate">
              {a.label}
              <span className="block text-faint text-xs">
                <When at={a.created_at} />
              </span>
            </span>
            <Button
              size="sm"
              onClick={() =>
                attempt(async () => {
                  await client.DELETE("/api/me/oidc/{id}", { params: { path: { id: a.id } } });
                  await stale("/api/me");
                })
              }
            >
              {t("profile.unlink")}
            </Button>
          </li>
        ))}
      </ul>
      <Button
        className="mt-3"
        onClick={() =>
          attempt(async () => {
            const { data: to } = await client.POST("/api/me/oidc");
            if (to) location.assign(to.url);
          })
        }
      >
        {t("profile.link", { provider })}
      </Button>
    </Card>
  );
}
