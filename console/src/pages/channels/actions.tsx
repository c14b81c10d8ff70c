import { MoreHorizontal, Pencil, PlugZap } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, client, type Schemas } from "@/api/client";
import { stale } from "@/api/queries";
import { useErrorText } from "@/lib/errors";
import { toast } from "@/lib/toast";
import { Button, IconButton } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { Note } from "@/ui/feedback";
import { Menu, MenuItem, MenuLine } from "@/ui/menu";

type Channel = Schemas["Channel"];
type Verb = "enable" | "disable" | "drain";

export async function switchChannel(id: number, verb: Verb) {
  const params = { params: { path: { id } } };
  if (verb === "enable") await client.POST("/api/channels/{id}/enable", params);
  else if (verb === "disable") await client.POST("/api/channels/{id}/disable", params);
  else await client.POST("/api/channels/{id}/drain", params);
  await stale("/api/channels");
}

/** What can be done with a channel. */
export function ChannelMenu({
  channel: c,
  onEdit,
  onTest,
  onDelete,
}: {
  channel: Channel;
  onEdit?: () => void;
  onTest?: () => void;
  onDelete: () => void;
}) {
  const { t } = useTranslation();
  const say = useErrorText();
  const to = async (verb: Verb) => {
    try {
      await switchChannel(c.id, verb);
      toast.success(t(`channels.switched.${verb}`, { name: c.name }));
    } catch (error) {
      toast.error(say(error));
    }
  };
  return (
    <Menu
      trigger={
        <IconButton label={t("common.actions")}>
          <MoreHorizontal aria-hidden />
        </IconButton>
      }
    >
      {onTest && (
        <MenuItem onSelect={onTest}>
          <PlugZap aria-hidden />
          {t("channels.test")}
        </MenuItem>
      )}
      {onEdit && (
        <MenuItem onSelect={onEdit}>
          <Pencil aria-hidden />
          {t("common.edit")}
        </MenuItem>
      )}
      {(onTest || onEdit) && <MenuLine />}
      {c.status !== "enabled" && <MenuItem onSelect={() => void to("enable")}>{t("common.enable")}</MenuItem>}
      {c.status === "enabled" && <MenuItem onSelect={() => void to("drain")}>{t("channels.drain")}</MenuItem>}
      {c.status !== "disabled" && <MenuItem onSelect={() => void to("disable")}>{t("common.disable")}</MenuItem>}
      <MenuLine />
      <MenuItem danger onSelect={onDelete}>
        {t("common.delete")}
      </MenuItem>
    </Menu>
  );
}

/**
 * Deletes a channel by its name. One with live tasks is not deleted: they could
 * not be asked about any more, so it is drained first.
 */
export function DeleteChannel({
  channel: c,
  onClose,
  onDeleted,
}: {
  channel: Channel;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(c.live_tasks > 0);
  const drains = c.status === "enabled";
  if (busy) {
    return (
      <Confirm
        key="in use"
        open
        danger={false}
        onOpenChange={onClose}
        title={t("channels.inUseTitle", { name: c.name })}
        action={drains ? t("channels.drain") : t("common.refresh")}
        run={async () => {
          if (!drains) {
            await stale("/api/channels");
            return;
          }
          await switchChannel(c.id, "drain");
          toast.success(t("channels.switched.drain", { name: c.name }));
        }}
      >
        {t("channels.inUse", { count: Math.max(1, c.live_tasks) })}{" "}
        {t(drains ? "channels.inUseDrain" : "channels.inUseWait")}
      </Confirm>
    );
  }
  return (
    <Confirm
      open
      onOpenChange={onClose}
      title={t("channels.deleteTitle", { name: c.name })}
      action={t("common.delete")}
      name={c.name}
      run={async () => {
        try {
          await client.DELETE("/api/channels/{id}", { params: { path: { id: c.id } } });
        } catch (error) {
          if (error instanceof ApiError && error.code === "in_use") setBusy(true);
          throw error;
        }
        toast.success(t("channels.deleted", { name: c.name }));
        onDeleted?.();
        await stale("/api/channels");
      }}
    >
      <p>{t("channels.deleteHint")}</p>
      {c.status === "enabled" && (
        <Note tone="warn" className="mt-3">
          {t("channels.deleteEnabled")}
        </Note>
      )}
    </Confirm>
  );
}

/** The button that tests a channel. */
export function TestButton({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation();
  return (
    <Button onClick={onClick}>
      <PlugZap aria-hidden />
      {t("channels.test")}
    </Button>
  );
}
