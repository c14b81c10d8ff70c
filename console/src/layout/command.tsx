import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import {
  CircleUserRound,
  Clapperboard,
  CornerDownLeft,
  KeyRound,
  Languages,
  MoonStar,
  Plus,
  Sparkles,
  Waypoints,
} from "lucide-react";
import * as Dialog from "radix-ui/dialog";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { setLanguage } from "@/i18n";
import { setTheme, useIsDark } from "@/lib/theme";
import { useFocusBack } from "@/ui/focus";
import { Backdrop } from "@/ui/panel";
import { places } from "./nav";
import { useIsAdmin } from "./session";

const item =
  "flex cursor-pointer select-none items-center gap-2.5 rounded-md px-2 py-2 data-[selected=true]:bg-accent-wash data-[selected=true]:text-accent-strong [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-faint";
const heading =
  "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-faint";

/** Leads anywhere by a few letters: pages, actions, a task by its id, channels and users by name. */
export default function CommandMenu({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const admin = useIsAdmin();
  const dark = useIsDark();
  const [text, setText] = useState("");
  const word = text.trim();
  const focusBack = useFocusBack(open);
  const channels = api.useQuery(
    "get",
    "/api/channels",
    { params: { query: { limit: 100 } } },
    { enabled: open && admin },
  );
  const users = api.useQuery(
    "get",
    "/api/users",
    { params: { query: { limit: 5, search: word } } },
    { enabled: open && admin && word.length > 1 },
  );
  const go = (to: string, search?: Record<string, string>) => {
    onOpenChange(false);
    void navigate({ to, search: search as never });
  };
  const act = (f: () => unknown) => {
    onOpenChange(false);
    f();
  };
  // An id: ours has its prefix, an upstream's only digits.
  const isID = /^[a-z0-9]+_[a-z0-9]{8,}$/i.test(word);

  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Backdrop />
        <Dialog.Content
          aria-describedby={undefined}
          onCloseAutoFocus={focusBack}
          className="fixed top-[12vh] left-1/2 z-50 w-[calc(100%-1.5rem)] max-w-xl -translate-x-1/2 animate-[appear_120ms_ease-out] overflow-hidden rounded-xl border border-line bg-surface shadow-float outline-none"
        >
          <Dialog.Title className="sr-only">{t("command.title")}</Dialog.Title>
          <Command loop label={t("command.title")}>
            <Command.Input
              value={text}
              onValueChange={setText}
              placeholder={t("command.placeholder")}
              className="h-12 w-full border-line border-b bg-transparent px-4 outline-none placeholder:text-faint"
            />
            <Command.List className={`max-h-[55vh] overflow-y-auto p-2 ${heading}`}>
              <Command.Empty className="px-2 py-8 text-center text-faint">{t("command.none")}</Command.Empty>
              {word && (
                <Command.Group heading={t("command.find")} forceMount>
                  {isID && (
                    <Command.Item
                      forceMount
                      className={item}
                      value={`open ${word}`}
                      onSelect={() => go(`/tasks/${encodeURIComponent(word)}`)}
                    >
                      <CornerDownLeft aria-hidden />
                      {t("command.openTask", { id: word })}
                    </Command.Item>
                  )}
                  <Command.Item
                    forceMount
                    className={item}
                    value={`tasks ${word}`}
                    onSelect={() => go("/tasks", { q: word })}
                  >
                    <Clapperboard aria-hidden />
                    {t("command.searchTasks", { text: word })}
                  </Command.Item>
                </Command.Group>
              )}
              <Command.Group heading={t("command.pages")}>
                {places
                  .flatMap((g) => g.places)
                  .filter((p) => admin || !p.admin)
                  .map((p) => (
                    <Command.Item
                      key={p.to}
                      className={item}
                      value={`${t(`nav.${p.name}`)} ${p.name}`}
                      onSelect={() => (p.to.startsWith("/api/") ? act(() => location.assign(p.to)) : go(p.to))}
                    >
                      <p.icon aria-hidden />
                      {t(`nav.${p.name}`)}
                    </Command.Item>
                  ))}
              </Command.Group>
              <Command.Group heading={t("command.actions")}>
                <Command.Item className={item} onSelect={() => go("/playground")}>
                  <Sparkles aria-hidden />
                  {t("command.newVideo")}
                </Command.Item>
                <Command.Item className={item} onSelect={() => go("/tokens", { new: "1" })}>
                  <KeyRound aria-hidden />
                  {t("command.newToken")}
                </Command.Item>
                {admin && (
                  <>
                    <Command.Item className={item} onSelect={() => go("/channels", { new: "1" })}>
                      <Plus aria-hidden />
                      {t("command.newChannel")}
                    </Command.Item>
                    <Command.Item className={item} onSelect={() => go("/users", { new: "1" })}>
                      <CircleUserRound aria-hidden />
                      {t("command.newUser")}
                    </Command.Item>
                  </>
                )}
                <Command.Item
                  className={item}
                  value={`theme dark light ${t("command.theme")}`}
                  onSelect={() => act(() => setTheme(dark ? "light" : "dark"))}
                >
                  <MoonStar aria-hidden />
                  {t("command.theme")}
                </Command.Item>
                <Command.Item
                  className={item}
                  value="language english 中文 zhongwen"
                  onSelect={() => act(() => setLanguage(i18n.language === "zh" ? "en" : "zh"))}
                >
                  <Languages aria-hidden />
                  {i18n.language === "zh" ? "English" : "中文"}
                </Command.Item>
              </Command.Group>
              {admin && (channels.data?.items.length ?? 0) > 0 && word && (
                <Command.Group heading={t("nav.channels")}>
                  {channels.data?.items.map((c) => (
                    <Command.Item
                      key={c.id}
                      className={item}
                      value={`channel ${c.name} ${c.id}`}
                      onSelect={() => go(`/channels/${c.id}`)}
                    >
                      <Waypoints aria-hidden />
                      {c.name}
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
              {(users.data?.items.length ?? 0) > 0 && (
                <Command.Group heading={t("nav.users")} forceMount>
                  {users.data?.items.map((u) => (
                    <Command.Item
                      key={u.id}
                      forceMount
                      className={item}
                      value={`user ${u.name} ${u.id}`}
                      onSelect={() => go(`/users/${u.id}`)}
                    >
                      <CircleUserRound aria-hidden />
                      {u.name}
                      {u.display_name && <span className="text-faint">{u.display_name}</span>}
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
