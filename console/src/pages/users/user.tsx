import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { KeyRound, MoreHorizontal, Pencil, PiggyBank } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { AdminOnly } from "@/layout/outcomes";
import { useMe } from "@/layout/session";
import { useErrorText } from "@/lib/errors";
import * as format from "@/lib/format";
import { toast } from "@/lib/toast";
import { Button, CopyButton, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Badge, Card, Facts, Figure, PageHead, Status, When } from "@/ui/data";
import { Dialog } from "@/ui/dialog";
import { Failure, Note, Skeleton } from "@/ui/feedback";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";
import { Months } from "../usage/months";
import { BalanceForm } from "./balance";
import { UserForm } from "./form";

export default function UserPage() {
  return (
    <AdminOnly>
      <Loaded />
    </AdminOnly>
  );
}

function Loaded() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const { data, error, refetch } = api.useQuery("get", "/api/users/{id}", { params: { path: { id: Number(id) } } });
  const back = (
    <Link to="/users" className="hover:underline">
      {t("nav.users")}
    </Link>
  );
  if (error) {
    return (
      <>
        <PageHead title={`#${id}`} back={back} />
        <Failure error={error} retry={() => refetch()} />
      </>
    );
  }
  if (!data) {
    return (
      <>
        <PageHead title={<Skeleton className="h-7 w-48" />} back={back} />
        <Skeleton className="h-72 rounded-xl!" />
      </>
    );
  }
  return <Shown user={data} back={back} />;
}

type Asked = "edit" | "balance" | "disable" | "delete" | "totp" | null;

function Shown({ user, back }: { user: Schemas["UserDetail"]; back: React.ReactNode }) {
  const { t } = useTranslation();
  const me = useMe();
  const say = useErrorText();
  const navigate = useNavigate();
  const [asked, ask] = useState<Asked>(null);
  const [link, setLink] = useState<Schemas["ResetLink"] | null>(null);
  const path = { params: { path: { id: user.id } } };
  const reset = async () => {
    try {
      const { data } = await client.POST("/api/users/{id}/reset", path);
      if (data) setLink(data);
    } catch (error) {
      toast.error(say(error));
    }
  };
  const setStatus = (status: "enabled" | "disabled") =>
    client
      .PATCH("/api/users/{id}", { ...path, body: { version: user.version, status } })
      .then(() => stale("/api/users"));
  const enable = async () => {
    try {
      await setStatus("enabled");
      toast.success(t("users.enabled", { name: user.name }));
    } catch (error) {
      toast.error(say(error));
    }
  };
  const mine = { user_id: String(user.id) };
  return (
    <>
      <PageHead
        back={back}
        title={
          <>
            {user.name}
            {user.display_name && <span className="font-normal text-faint">{user.display_name}</span>}
            <Status of={user.status} />
            {user.role !== "user" && <Badge tone="accent">{t(`role.${user.role}`)}</Badge>}
          </>
        }
        actions={
          <>
            <Button onClick={() => ask("edit")}>
              <Pencil aria-hidden />
              {t("common.edit")}
            </Button>
            <Button look="primary" onClick={() => ask("balance")}>
              <PiggyBank aria-hidden />
              {t("users.changeBalance")}
            </Button>
            <Menu
              trigger={
                <IconButton label={t("common.actions")} size="icon" look="plain">
                  <MoreHorizontal aria-hidden />
                </IconButton>
              }
            >
              <MenuItem onSelect={() => void reset()}>
                <KeyRound aria-hidden />
                {t("users.resetLink")}
              </MenuItem>
              {user.totp && <MenuItem onSelect={() => ask("totp")}>{t("users.removeTOTP")}</MenuItem>}
              <MenuLine />
              {user.status === "enabled" ? (
                <MenuItem danger disabled={user.id === me.id} onSelect={() => ask("disable")}>
                  {t("common.disable")}
                </MenuItem>
              ) : (
                <MenuItem onSelect={() => void enable()}>{t("common.enable")}</MenuItem>
              )}
              <MenuItem danger disabled={user.id === me.id} onSelect={() => ask("delete")}>
                {t("common.delete")}
              </MenuItem>
            </Menu>
          </>
        }
      />
      <div className="space-y-4">
        <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
          <Figure
            label={t("users.balance")}
            value={format.usd(user.available)}
            note={t("common.quotaAmount", { quota: format.number(user.available) })}
            to="/ledger"
            search={mine}
          />
          <Figure
            label={t("users.held")}
            value={format.usd(user.held)}
            note={t("users.heldNote")}
            to="/ledger"
            search={{ ...mine, kind: "hold" }}
          />
          <Figure
            label={t("users.live")}
            value={format.number(user.live_tasks)}
            note={t("users.liveNote")}
            to="/tasks"
            search={mine}
          />
          <Figure
            label={t("nav.tokens")}
            value={format.number(user.tokens)}
            note={t("users.tokensNote")}
            to="/tokens"
            search={mine}
          />
        </div>
        <div className="grid items-start gap-4 xl:grid-cols-2">
          <Card title={t("common.details")}>
            <Facts
              columns={1}
              items={[
                [t("users.number"), user.id],
                [t("users.email"), user.email || <span className="text-faint">–</span>],
                [t("users.group"), user.group],
                [t("users.rate"), user.rate || t("common.none")],
                [t("entry.password"), user.has_password ? t("common.yes") : t("users.noPassword")],
                [t("users.totp"), user.totp ? t("common.yes") : t("common.no")],
                [t("users.passkeys"), user.passkeys],
                [t("users.sessions"), user.sessions],
                [t("common.created"), <When key="c" at={user.created_at} full />],
              ]}
            />
          </Card>
          <Months userID={user.id} />
        </div>
      </div>
      {asked === "edit" && <UserForm user={user} onClose={() => ask(null)} />}
      {asked === "balance" && <BalanceForm user={user} onClose={() => ask(null)} />}
      <Confirm
        open={asked === "disable"}
        onOpenChange={() => ask(null)}
        title={t("users.disableTitle", { name: user.name })}
        action={t("common.disable")}
        run={() => setStatus("disabled")}
      >
        {t("users.disableHint")}
      </Confirm>
      <Confirm
        open={asked === "totp"}
        onOpenChange={() => ask(null)}
        title={t("users.removeTOTP")}
        action={t("users.remove")}
        run={async () => {
          await client.DELETE("/api/users/{id}/totp", path);
          await stale("/api/users");
        }}
      >
        {t("users.removeTOTPHint", { name: user.name })}
      </Confirm>
      <Confirm
        open={asked === "delete"}
        onOpenChange={() => ask(null)}
        title={t("users.deleteTitle", { name: user.name })}
        name={user.name}
        action={t("common.delete")}
        run={async () => {
          await client.DELETE("/api/users/{id}", path);
          await stale("/api/users");
          await navigate({ to: "/users" });
        }}
      >
        {t("users.deleteHint")}
      </Confirm>
      {link && (
        <Dialog open onOpenChange={() => setLink(null)} title={t("users.resetLink")} size="sm">
          <div className="space-y-3">
            <Note tone="warn">{t("users.resetHint", { time: format.dateTime(link.expires_at) })}</Note>
            <div className="flex items-center gap-2 rounded-lg border border-line bg-sunken px-3 py-2">
              <code className="min-w-0 flex-1 break-all font-mono text-xs">{link.link ?? link.token}</code>
              <CopyButton text={link.link ?? link.token} />
            </div>
          </div>
        </Dialog>
      )}
    </>
  );
}
