import { keepPreviousData } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { AdminOnly } from "@/layout/outcomes";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { PageHead } from "@/ui/data";
import { Select } from "@/ui/form";
import { Tabs } from "@/ui/tabs";
import { Models } from "./models";
import { RuleSheet } from "./rule-form";
import { Rules } from "./rules";
import { Versions } from "./versions";

// With those of the tabs, which another tab does not take over.
const keys = ["tab", "group", "rule", "q", "type", "book", "warn", "version"] as const;
const ofTabs = { q: undefined, type: undefined, book: undefined, warn: undefined, version: undefined };
const tabs = ["models", "rules", "versions"] as const;
type Tab = (typeof tabs)[number];

export default function PricesPage() {
  return (
    <AdminOnly>
      <Prices />
    </AdminOnly>
  );
}

function Prices() {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const [adding, setAdding] = useState(false);
  const tab: Tab = tabs.find((x) => x === search.tab) ?? "models";
  // Rules and versions do not depend on the group.
  const group = tab === "models" ? search.group : undefined;
  const prices = api.useQuery(
    "get",
    "/api/prices",
    { params: { query: { group } } },
    { placeholderData: keepPreviousData },
  );
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  const edited = search.rule ? prices.data?.rules.find((r) => r.id === search.rule) : undefined;
  const edit = (rule: Schemas["Rule"]) => change({ rule: rule.id });
  return (
    <>
      <PageHead
        title={t("nav.prices")}
        actions={
          <>
            {tab === "models" && (
              <Select
                aria-label={t("common.group")}
                className="w-auto!"
                value={search.group ?? ""}
                onChange={(e) => change({ group: e.target.value || undefined })}
              >
                <option value="">{t("prices.listPrice")}</option>
                {groups.data?.items.map((g) => (
                  <option key={g.name} value={g.name}>
                    {t("prices.groupPrice", { group: g.name, ratio: g.ratio })}
                  </option>
                ))}
              </Select>
            )}
            <Button asChild>
              <Link to="/pricing">{t("nav.pricing")}</Link>
            </Button>
          </>
        }
      >
        {t("prices.lead")}
      </PageHead>
      <Tabs
        label={t("nav.prices")}
        value={tab}
        onChange={(next) => change({ ...ofTabs, tab: next === "models" ? undefined : next }, true)}
        tabs={tabs.map((x) => [x, t(`prices.tab.${x}`)])}
      >
        {tab === "models" && <Models query={prices} onRule={edit} />}
        {tab === "rules" && <Rules query={prices} onEdit={edit} onAdd={() => setAdding(true)} />}
        {tab === "versions" && <Versions current={prices.data} />}
      </Tabs>
      {prices.data && (adding || edited) && (
        <RuleSheet
          key={edited?.id ?? "new"}
          prices={prices.data}
          rule={edited}
          onClose={() => {
            setAdding(false);
            change({ rule: undefined });
          }}
        />
      )}
    </>
  );
}
