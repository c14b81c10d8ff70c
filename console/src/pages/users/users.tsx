import { Link, useNavigate } from "@tanstack/react-router";
import { Mail, Plus, Users as UsersIcon } from "lucide-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { AdminOnly } from "@/layout/outcomes";
import { useSearchState } from "@/lib/search";
import { Button } from "@/ui/button";
import { Badge, Money, PageHead, Status, When } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, SearchField, SelectFilter } from "@/ui/filter";
import { byCursor, type Column, List } from "@/ui/table";
import { UserForm } from "./form";
import { Invitations } from "./invitations";

type Row = Schemas["ListedUser"];
const keys = ["search", "role", "status", "group", "new", "invite"] as const;

export default function Users() {
  return (
    <AdminOnly>
      <UserList />
    </AdminOnly>
  );
}

function UserList() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [search, change] = useSearchState(keys);
  const { new: making, invite, ...filters } = search;
  const rows = api.useInfiniteQuery(
    "get",
    "/api/users",
    { params: { query: { ...filters, limit: 50 } as never } },
    byCursor,
  );
  const groups = api.useQuery("get", "/api/groups", {}, { staleTime: 60_000 });
  const filtered = Object.keys(filters).length > 0;
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "name",
        title: t("common.name"),
        phone: "head",
        cell: (u) => (
          <div className="min-w-0">
            <Link to="/users/$id" params={{ id: String(u.id) }} className="font-medium hover:underline">
              {u.name}
            </Link>
            {u.display_name && <span className="ml-2 text-faint">{u.display_name}</span>}
            {u.email && <div className="truncate text-faint text-xs">{u.email}</div>}
          </div>
        ),
      },
      { id: "status", title: t("users.status"), phone: "head", cell: (u) => <Status of={u.status} /> },
      {
        id: "role",
        title: t("users.role"),
        cell: (u) =>
          u.role === "user" ? (
            <span className="text-soft">{t("role.user")}</span>
          ) : (
            <Badge tone="accent">{t(`role.${u.role}`)}</Badge>
          ),
      },
      { id: "group", title: t("users.group"), cell: (u) => u.group },
      { id: "available", title: t("users.balance"), right: true, cell: (u) => <Money quota={u.available} /> },
      {
        id: "held",
        title: t("users.held"),
        right: true,
        cell: (u) => (u.held > 0 ? <Money quota={u.held} /> : <span className="text-faint">–</span>),
      },
      {
        id: "rate",
        title: t("users.rate"),
        right: true,
        extra: true,
        cell: (u) => u.rate || <span className="text-faint">{t("common.none")}</span>,
      },
      { id: "id", title: t("users.number"), right: true, extra: true, cell: (u) => u.id },
      { id: "created", title: t("common.created"), cell: (u) => <When at={u.created_at} /> },
    ],
    [t],
  );
  return (
    <>
      <PageHead
        title={t("nav.users")}
        actions={
          <>
            <Button onClick={() => change({ invite: "1" })}>
              <Mail aria-hidden />
              {t("users.invitations")}
            </Button>
            <Button look="primary" onClick={() => change({ new: "1" })}>
              <Plus aria-hidden />
              {t("users.create")}
            </Button>
          </>
        }
      >
        {t("users.lead")}
      </PageHead>
      <List
        name="users"
        caption={t("nav.users")}
        columns={columns}
        rows={rows}
        rowKey={(u) => u.id}
        onOpen={(u) => void navigate({ to: "/users/$id", params: { id: String(u.id) } })}
        toolbar={
          <>
            <SearchField label={t("users.search")} value={search.search} onChange={(s) => change({ search: s })} />
            <SelectFilter
              label={t("users.role")}
              value={search.role}
              onChange={(role) => change({ role })}
              options={[
                ["root", t("role.root")],
                ["admin", t("role.admin")],
                ["user", t("role.user")],
              ]}
            />
            <SelectFilter
              label={t("users.status")}
              value={search.status}
              onChange={(status) => change({ status })}
              options={[
                ["enabled", t("status.enabled")],
                ["disabled", t("status.disabled")],
              ]}
            />
            <SelectFilter
              label={t("users.group")}
              value={search.group}
              onChange={(group) => change({ group })}
              options={(groups.data?.items ?? []).map((g) => [g.name, g.name] as const)}
            />
            <ClearFilters
              active={filtered}
              onClear={() => change({ search: undefined, role: undefined, status: undefined, group: undefined })}
            />
          </>
        }
        empty={<Empty icon={UsersIcon} title={t("common.noneFound")} />}
      />
      {making && <UserForm onClose={() => change({ new: undefined })} />}
      {invite && <Invitations onClose={() => change({ invite: undefined })} />}
    </>
  );
}
