import { Link, useNavigate } from "@tanstack/react-router";
import { MoreHorizontal, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { AdminOnly } from "@/layout/outcomes";
import * as format from "@/lib/format";
import { useSearchState } from "@/lib/search";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, PageHead } from "@/ui/data";
import { Empty } from "@/ui/feedback";
import { ClearFilters, SearchField } from "@/ui/filter";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { type Column, List, whole } from "@/ui/table";
import { GroupForm } from "./form";
import { exampleList, paid } from "./ratio";

type Group = Schemas["Group"];
const keys = ["q", "new", "edit"] as const;

export default function GroupsPage() {
  return (
    <AdminOnly>
      <Groups />
    </AdminOnly>
  );
}

function Groups() {
  const { t } = useTranslation();
  const [search, change] = useSearchState(keys);
  const [deleted, setDeleted] = useState<Group | null>(null);
  const query = api.useQuery("get", "/api/groups");
  const text = search.q?.toLowerCase() ?? "";
  const items = query.data?.items.filter((g) => !text || `${g.name} ${g.title}`.toLowerCase().includes(text));
  const edited = search.edit ? query.data?.items.find((g) => g.name === search.edit) : undefined;
  const edit = (g: Group) => change({ edit: g.name });
  const columns: Column<Group>[] = [
    {
      id: "name",
      title: t("groups.name"),
      phone: "head",
      cell: (g) => (
        <div>
          <button type="button" className="text-left font-medium hover:underline" onClick={() => edit(g)}>
            {g.name}
          </button>{" "}
          {g.name === "default" && <Badge>{t("groups.default")}</Badge>}
          {g.title && <div className="text-faint text-xs">{g.title}</div>}
        </div>
      ),
    },
    {
      id: "ratio",
      title: t("groups.ratio"),
      right: true,
      cell: (g) => <span className="num font-medium">× {g.ratio}</span>,
    },
    {
      id: "effect",
      title: t("groups.example"),
      cell: (g) => (
        <span className="inline-flex flex-wrap items-center gap-2">
          <span className="num whitespace-nowrap text-soft">
            {t("groups.exampleOf", { list: format.dollars(exampleList), price: paid(g.ratio) })}
          </span>
          <Effect ratio={g.ratio} />
        </span>
      ),
    },
    {
      id: "users",
      title: t("groups.users"),
      right: true,
      cell: (g) => (
        <Link to="/users" search={{ group: g.name }} className="num underline-offset-2 hover:underline">
          {format.number(g.users)}
        </Link>
      ),
    },
    {
      id: "actions",
      title: t("common.actions"),
      right: true,
      phone: "head",
      cell: (g) => (
        <Menu
          trigger={
            <IconButton label={t("common.actions")}>
              <MoreHorizontal aria-hidden />
            </IconButton>
          }
        >
          <MenuItem onSelect={() => edit(g)}>{t("common.edit")}</MenuItem>
          <MenuItem asChild>
            <Link to="/users" search={{ group: g.name }}>
              {t("groups.showUsers")}
            </Link>
          </MenuItem>
          <MenuLine />
          <MenuItem danger disabled={g.name === "default"} onSelect={() => setDeleted(g)}>
            {t("common.delete")}
          </MenuItem>
          {g.name === "default" && <p className="max-w-52 px-2 pb-1.5 text-faint text-xs">{t("groups.isDefault")}</p>}
        </Menu>
      ),
    },
  ];
  return (
    <>
      <PageHead
        title={t("nav.groups")}
        actions={
          <Button look="primary" onClick={() => change({ new: "1" })}>
            <Plus aria-hidden />
            {t("groups.add")}
          </Button>
        }
      >
        {t("groups.lead")}
      </PageHead>
      <List
        name="groups"
        caption={t("nav.groups")}
        columns={columns}
        rows={whole(query, items)}
        rowKey={(g) => g.name}
        onOpen={edit}
        toolbar={
          <>
            <SearchField label={t("groups.search")} value={search.q} onChange={(q) => change({ q })} />
            <ClearFilters active={!!search.q} onClear={() => change({ q: undefined })} />
          </>
        }
        empty={<Empty title={t("common.noneFound")} />}
      />
      <p className="mt-3 text-faint text-xs">{t("groups.exampleHint", { list: format.dollars(exampleList) })}</p>
      {search.new && <GroupForm onClose={() => change({ new: undefined })} />}
      {edited && <GroupForm key={edited.name} group={edited} onClose={() => change({ edit: undefined })} />}
      {deleted && <DeleteGroup group={deleted} onClose={() => setDeleted(null)} />}
    </>
  );
}

/** A ratio as a discount or a surcharge. */
function Effect({ ratio }: { ratio: string }) {
  const { t } = useTranslation();
  const n = Number(ratio);
  const kind = n < 1 ? "less" : n > 1 ? "more" : "same";
  return (
    <Badge tone={kind === "less" ? "ok" : kind === "more" ? "accent" : "neutral"}>
      {t(`groups.effect.${kind}`, { share: format.percent(Math.abs(1 - n)) })}
    </Badge>
  );
}

/** Deletes a group; one with users leads to them instead. */
function DeleteGroup({ group: g, onClose }: { group: Group; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  if (g.users > 0) {
    return (
      <Confirm
        open
        danger={false}
        onOpenChange={onClose}
        title={t("groups.hasUsersTitle", { name: g.name })}
        action={t("groups.showUsers")}
        run={() => navigate({ to: "/users", search: { group: g.name } })}
      >
        {t("groups.hasUsers", { count: g.users })}
      </Confirm>
    );
  }
  return (
    <Confirm
      open
      onOpenChange={onClose}
      title={t("groups.deleteTitle", { name: g.name })}
      action={t("common.delete")}
      name={g.name}
      run={async () => {
        await client.DELETE("/api/groups/{name}", { params: { path: { name: g.name } } });
        await stale("/api/groups");
        toast.success(t("groups.deleted", { name: g.name }));
      }}
    >
      {t("groups.deleteHint")}
    </Confirm>
  );
}
