import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import * as format from "@/lib/format";
import { Card, Money } from "@/ui/data";
import { Failure, Skeleton } from "@/ui/feedback";

const sum = (m: Schemas["Statement"], ...kinds: string[]) =>
  m.kinds.filter((k) => kinds.includes(k.kind)).reduce((n, k) => n + k.available + k.held, 0);

/** An account by months: what came in, what was spent, what is left. */
export function Months({ userID }: { userID?: number }) {
  const { t } = useTranslation();
  const { data, error, refetch } = api.useQuery("get", "/api/ledger/months", {
    params: { query: { user_id: userID, months: 12, tz: format.timeZone() } },
  });
  const months = data?.items.filter((m) => m.kinds.length > 0 || m.closing.available !== 0 || m.closing.held !== 0);
  return (
    <Card title={t("usage.months")} flush>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !months ? (
        <div className="p-4">
          <Skeleton className="h-40" />
        </div>
      ) : months.length === 0 ? (
        <p className="px-4 py-8 text-center text-faint">{t("usage.noMonths")}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <div className="overflow-x-auto" tabIndex={0}>
          <table className="w-full">
            <thead>
              <tr className="border-line border-b text-left text-soft text-xs">
                <th className="px-4 py-2 font-medium">{t("usage.month")}</th>
                <th className="px-3 py-2 text-right font-medium">{t("usage.opening")}</th>
                <th className="px-3 py-2 text-right font-medium">{t("usage.in")}</th>
                <th className="px-3 py-2 text-right font-medium">{t("usage.spent")}</th>
                <th className="px-4 py-2 text-right font-medium">{t("usage.closing")}</th>
              </tr>
            </thead>
            <tbody>
              {months.map((m) => (
                <tr key={m.month} className="border-line border-b last:border-0">
                  <td className="whitespace-nowrap px-4 py-2">
                    <Link
                      to="/ledger"
                      search={{ since: m.since, until: m.until, ...(userID && { user_id: String(userID) }) }}
                      className="hover:underline"
                    >
                      {m.month}
                    </Link>
                  </td>
                  <td className="px-3 py-2 text-right text-soft">
                    <Money quota={m.opening.available + m.opening.held} />
                  </td>
                  <td className="px-3 py-2 text-right">
                    <Money quota={sum(m, "topup", "grant", "redeem", "adjust")} />
                  </td>
                  <td className="px-3 py-2 text-right">
                    <Money quota={-sum(m, "hold", "capture", "release")} />
                  </td>
                  <td className="px-4 py-2 text-right font-medium">
                    <Money quota={m.closing.available + m.closing.held} />
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
