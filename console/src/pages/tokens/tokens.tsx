import { KeyRound, MoreHorizontal, Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useIsAdmin } from "@/layout/session";
import { useErrorText } from "@/lib/errors";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, Money, PageHead, Status, When } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { byCursor, type Column, List } from "@/ui/table";
import { CreatedToken } from "./created";
import { TokenForm } from "./form";

type Token = Schemas["Token"];
const keys = ["name", "status", "test", "user_id", "new"] as const;

export default function Tokens() {
  const { t } = useTranslation();
  const admin = useIsAdmin();
  const say = useErrorText();
  const [search, change] = useSearchState(keys);
  const [edited, setEdited] = useState<Token | null>(null);
  const [deleted, setDeleted] = useState<Token | null>(null);
  const [made, setMade] = useState<Schemas["CreatedToken"] | null>(null);
  const { new: making, user_id, ...filters } = search;
  const rows = api.useInfiniteQuery(
    "get",
    "/api/tokens",
    { params: { query: { ...filters, limit: 50, user_id: user_id ? Number(user_id) : undefined } as never } },
    byCursor,
  );

  const toggle = async (token: Token) => {
    try {
      await client.PATCH("/api/tokens/{id}", {
        params: { path: { id: token.id } },
        body: { version: token.version, status: token.status === "enabled" ? "disabled" : "enabled" },
      });
      await stale("/api/tokens");
    } catch (error) {
      toast.error(say(error));
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the functions only set state
  const columns = useMemo<Column<Token>[]>(
    () => [
      {
        id: "name",
        title: t("common.name"),
        phone: "head",
        cell: (k) => (
          <div>
            <button type="button" className="text-left font-medium hover:underline" onClick={() => setEdited(k)}>
              {k.name}
            </button>{" "}
            {k.test && <Badge tone="accent">{t("common.test")}</Badge>}
            <div className="font-mono text-faint text-xs">{k.prefix}…</div>
          </div>
        ),
      },
      {
        id: "status",
        title: t("tokens.status"),
        phone: "head",
        cell: (k) => <Status of={k.expired ? "expired" : k.status} />,
      },
      ...(admin ? [{ id: "user", title: t("tokens.user"), cell: (k: Token) => k.user }] : []),
      {
        id: "used",
        title: t("tokens.spent"),
        right: true,
        cell: (k) => <Money quota={k.budget.used} />,
      },
      {
        id: "budget",
        title: t("tokens.budget"),
        right: true,
        cell: (k) =>
          k.budget.limit == null ? (
            <span className="text-faint">{t("tokens.noBudget")}</span>
          ) : (
            <Money quota={k.budget.limit} />
          ),
      },
      {
        id: "models",
        title: t("tokens.models"),
        extra: true,
        cell: (k) => <Short list={k.models} all={t("tokens.allModels")} />,
      },
      {
        id: "networks",
        title: t("tokens.networks"),
        extra: true,
        cell: (k) => <Short list={k.networks} all={t("tokens.allNetworks")} />,
      },
      { id: "rate", title: t("tokens.rate"), extra: true, right: true, cell: (k) => k.rate || t("tokens.defaultRate") },
      {
        id: "expires",
        title: t("tokens.expires"),
        cell: (k) =>
          k.expires_at ? <When at={k.expires_at} ago /> : <span className="text-faint">{t("common.never")}</span>,
      },
      { id: "last", title: t("tokens.lastUsed"), cell: (k) => <When at={k.last_used_at} ago /> },
      { id: "created", title: t("common.created"), extra: true, cell: (k) => <When at={k.created_at} /> },
      {
        id: "actions",
        title: t("common.actions"),
        right: true,
        phone: "head",
        cell: (k) => (
          <Menu
            trigger={
              <IconButton label={t("common.actions")}>
                <MoreHorizontal aria-hidden />
              </IconButton>
            }
          >
            <MenuItem onSelect={() => setEdited(k)}>{t("common.edit")}</MenuItem>
            <MenuItem onSelect={() => void toggle(k)}>
              {k.status === "enabled" ? t("common.disable") : t("common.enable")}
            </MenuItem>
            <MenuLine />
            <MenuItem danger onSelect={() => setDeleted(k)}>
              {t("common.delete")}
            </MenuItem>
          </Menu>
        ),
      },
    ],
    [t, admin],
  );
  const filtered = Object.keys(filters).length > 0 || !!user_id;

  return (
    <>
      <PageHead
        title={t("nav.tokens")}
        actions={
          <Button look="primary" onClick={() => change({ new: "1" })}>
            <Plus aria-hidden />
            {t("tokens.create")}
          </Button>
        }
      >
        {t("tokens.lead")}
      </PageHead>
      <List
        name="tokens"
        caption={t("nav.tokens")}
        columns={columns}
        rows={rows}
        rowKey={(k) => k.id}
        onOpen={setEdited}
        toolbar={
          <>
            <SearchField label={t("tokens.searchName")} value={search.name} onChange={(name) => change({ name })} />
            <SelectFilter
              label={t("tokens.status")}
              value={search.status}
              onChange={(status) => change({ status })}
              options={[
                ["enabled", t("status.enabled")],
                ["disabled", t("status.disabled")],
              ]}
            />
            <SelectFilter
              label={t("common.test")}
              value={search.test}
              onChange={(test) => change({ test })}
              options={[
                ["true", t("common.yes")],
                ["false", t("common.no")],
              ]}
            />
            <ClearFilters
              active={filtered}
              onClear={() => change({ name: undefined, status: undefined, test: undefined, user_id: undefined })}
            />
          </>
        }
        empty={
          filtered ? (
            <Empty title={t("common.noneFound")} />
          ) : (
            <Empty
              icon={KeyRound}
              title={t("tokens.none")}
              action={
                <Button look="primary" onClick={() => change({ new: "1" })}>
                  {t("tokens.create")}
                </Button>
              }
            >
              {t("tokens.noneHint")}
            </Empty>
          )
        }
      />
      {making && <TokenForm onClose={() => change({ new: undefined })} onMade={setMade} />}
      {edited && <TokenForm token={edited} onClose={() => setEdited(null)} />}
      {made && <CreatedToken token={made} onClose={() => setMade(null)} />}
      {deleted && (
        <Confirm
          open
          onOpenChange={() => setDeleted(null)}
          title={t("tokens.deleteTitle", { name: deleted.name })}
          action={t("common.delete")}
          name={deleted.name}
          run={async () => {
            await client.DELETE("/api/tokens/{id}", { params: { path: { id: deleted.id } } });
            await stale("/api/tokens");
            toast.success(t("tokens.deleted", { name: deleted.name }));
          }}
        >
          {t("tokens.deleteHint")}
        </Confirm>
      )}
    </>
  );
}

function Short({ list, all }: { list: string[]; all: string }) {
  if (list.length === 0) return <span className="text-faint">{all}</span>;
  return (
    <span title={list.join(", ")} className="font-mono text-xs">
      {list.slice(0, 2).join(", ")}
      {list.length > 2 && ` +${list.length - 2}`}
    </span>
  );
}
