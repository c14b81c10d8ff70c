import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import {
  CircleUserRound,
  Languages,
  LogOut,
  Menu as MenuIcon,
  Monitor,
  Moon,
  Search,
  Sun,
  UserRound,
  WifiOff,
  X,
} from "lucide-react";
import * as Dialog from "radix-ui/dialog";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "@/api/client";
import { type Language, languages, loadTexts, setLanguage } from "@/i18n";
import { cn } from "@/lib/cn";
import * as format from "@/lib/format";
import { setTheme, type Theme, useTheme } from "@/lib/theme";
import { Mark } from "@/ui/brand";
import { Button, IconButton } from "@/ui/button";
import { Skeleton } from "@/ui/feedback";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from "@/ui/menu";
import { Backdrop } from "@/ui/panel";
import { places } from "./nav";
import { isAdmin, useMe, useOffline } from "./session";

const CommandMenu = lazy(async () => (await Promise.all([import("./command"), loadTexts("command")]))[0]);

/** The frame around every page: side bar, top bar, messages. */
export function Shell() {
  const { t } = useTranslation();
  const [command, setCommand] = useState(false);
  const [drawer, setDrawer] = useState(false);
  const path = useRouterState({ select: (s) => s.location.pathname });
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if (e.key.toLowerCase() === "k" && (e.metaKey || e.ctrlKey)) {
        e.preventDefault();
        setCommand((o) => !o);
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the drawer
  useEffect(() => setDrawer(false), [path]);
  useTitle(path);

  return (
    <div className="flex min-h-dvh">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t("shell.skip")}
      </a>
      <aside className="sticky top-0 hidden h-dvh w-58 shrink-0 flex-col border-line border-r bg-surface lg:flex">
        <Brand />
        <SideBar />
      </aside>
      <Dialog.Root open={drawer} onOpenChange={setDrawer}>
        <Dialog.Portal>
          <Backdrop />
          <Dialog.Content
            aria-describedby={undefined}
            className="fixed inset-y-0 left-0 z-50 flex w-64 animate-[slide-left_160ms_ease-out] flex-col bg-surface shadow-float outline-none"
          >
            <Dialog.Title className="sr-only">{t("shell.navigation")}</Dialog.Title>
            <div className="flex items-center justify-between pr-2">
              <Brand />
              <Dialog.Close asChild>
                <IconButton label={t("common.close")}>
                  <X aria-hidden />
                </IconButton>
              </Dialog.Close>
            </div>
            <SideBar />
          </Dialog.Content>
        </Dialog.Portal>
      </Dialog.Root>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 flex h-14 items-center gap-1.5 border-line border-b bg-bg/90 px-3 backdrop-blur-md sm:px-6">
          <span className="lg:hidden">
            <IconButton label={t("shell.navigation")} size="icon" onClick={() => setDrawer(true)}>
              <MenuIcon aria-hidden />
            </IconButton>
          </span>
          <Button
            look="plain"
            className="text-faint! sm:w-64 sm:justify-start!"
            onClick={() => setCommand(true)}
            aria-label={t("shell.search")}
          >
            <Search aria-hidden />
            <span className="hidden flex-1 text-left font-normal sm:inline">{t("shell.search")}</span>
            <kbd className="hidden rounded border border-line bg-sunken px-1 font-sans text-xs sm:inline">
              {isApple ? "⌘K" : "Ctrl K"}
            </kbd>
          </Button>
          <span className="flex-1" />
          <Balance />
          <Preferences />
          <Account />
        </header>
        <Notices />
        <main
          id="main"
          tabIndex={-1}
          className="mx-auto w-full max-w-[112rem] flex-1 px-3 py-5 outline-none sm:px-6 sm:py-6"
        >
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {command && (
        <Suspense>
          <CommandMenu open={command} onOpenChange={setCommand} />
        </Suspense>
      )}
    </div>
  );
}

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** The name of the page in the browser's tab. */
function useTitle(path: string) {
  const { t, i18n } = useTranslation();
  const first = `/${path.split("/")[1] ?? ""}`;
  const place = places.flatMap((g) => g.places).find((p) => p.to === first);
  const name = place ? t(`nav.${place.name}`) : "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: the language changes the name
  useEffect(() => {
    document.title = name ? `${name} · one-api` : "one-api";
  }, [name, i18n.language]);
}

export const PageSkeleton = () => (
  <div aria-hidden>
    <Skeleton className="h-7 w-48" />
    <Skeleton className="mt-2 h-4 w-80 max-w-full" />
    <Skeleton className="mt-6 h-96 rounded-xl!" />
  </div>
);

function Brand() {
  return (
    <Link to="/" className="flex h-14 items-center gap-2.5 px-5 font-semibold text-base tracking-tight">
      <Mark className="size-6" />
      one-api
    </Link>
  );
}

function SideBar() {
  const { t } = useTranslation();
  const admin = isAdmin(useMe());
  return (
    <nav aria-label={t("shell.navigation")} className="flex-1 overflow-y-auto px-3 pb-4">
      {places.map((group) => {
        const shown = group.places.filter((p) => !p.hidden && (admin || !p.admin));
        if (shown.length === 0) return null;
        return (
          <div key={group.name} className="mt-4 first:mt-1">
            <p className="px-2 pb-1 text-faint text-xs">{t(`nav.group.${group.name}`)}</p>
            <ul>
              {shown.map((p) => (
                <li key={p.to}>
                  <Link
                    to={p.to}
                    activeOptions={{ exact: p.to === "/", includeSearch: false }}
                    className="flex items-center gap-2.5 rounded-lg px-2 py-1.5 text-soft hover:bg-sunken hover:text-ink [&_svg]:size-4"
                    activeProps={{
                      className: "bg-accent-wash! font-medium text-accent-strong!",
                      "aria-current": "page",
                    }}
                  >
                    <p.icon aria-hidden />
                    {t(`nav.${p.name}`)}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function Balance() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <Link
      to="/usage"
      aria-label={t("shell.balance")}
      title={me.held > 0 ? t("shell.held", { amount: format.usd(me.held) }) : t("shell.balance")}
      className="num mr-1 rounded-lg px-2 py-1 font-medium hover:bg-sunken"
    >
      {format.usd(me.available)}
    </Link>
  );
}

export function Preferences() {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  return (
    <Menu
      trigger={
        <IconButton label={t("shell.preferences")} size="icon">
          <Languages aria-hidden />
        </IconButton>
      }
    >
      <MenuLabel>Language · 语言</MenuLabel>
      <MenuChoice
        value={i18n.language as Language}
        onChange={(l) => void setLanguage(l)}
        options={Object.entries(languages) as [Language, string][]}
      />
      <MenuLine />
      <MenuLabel>{t("shell.theme")}</MenuLabel>
      <MenuChoice<Theme>
        value={theme}
        onChange={setTheme}
        options={[
          ["light", <Themed key="l" icon={Sun} text={t("shell.themes.light")} />],
          ["dark", <Themed key="d" icon={Moon} text={t("shell.themes.dark")} />],
          ["system", <Themed key="s" icon={Monitor} text={t("shell.themes.system")} />],
        ]}
      />
    </Menu>
  );
}

const Themed = ({ icon: Icon, text }: { icon: typeof Sun; text: string }) => (
  <>
    <Icon aria-hidden />
    {text}
  </>
);

function Account() {
  const { t } = useTranslation();
  const me = useMe();
  const router = useRouter();
  const queries = useQueryClient();
  const signOut = async () => {
    await client.DELETE("/api/session");
    queries.clear();
    await router.navigate({ to: "/sign-in" });
  };
  return (
    <Menu
      trigger={
        <IconButton label={t("shell.account")} size="icon">
          <CircleUserRound aria-hidden />
        </IconButton>
      }
    >
      <div className="px-2 pt-1.5 pb-1">
        <p className="max-w-52 truncate font-medium">{me.display_name || me.name}</p>
        <p className="text-faint text-xs">
          {t(`role.${me.role}`)} · {t("shell.inGroup", { group: me.group })}
        </p>
      </div>
      <MenuLine />
      <MenuItem asChild>
        <Link to="/profile">
          <UserRound aria-hidden />
          {t("nav.profile")}
        </Link>
      </MenuItem>
      <MenuItem onSelect={() => void signOut()}>
        <LogOut aria-hidden />
        {t("shell.signOut")}
      </MenuItem>
    </Menu>
  );
}

/** What concerns every page: no connection, a notice of the operator. */
function Notices() {
  const { t } = useTranslation();
  const offline = useOffline();
  const queries = useQueryClient();
  const { notice } = useMe();
  // While nothing answers, ask until something does, then read everything again.
  useEffect(() => {
    if (!offline) return;
    const timer = setInterval(async () => {
      try {
        if ((await fetch("/healthz", { cache: "no-store" })).ok) await queries.refetchQueries({ type: "active" });
      } catch {
        // Still away.
      }
    }, 2000);
    return () => clearInterval(timer);
  }, [offline, queries]);
  if (!offline && !notice) return null;
  return (
    <div
      role="status"
      className={cn(
        "flex items-center justify-center gap-2 px-4 py-2 text-center",
        offline ? "bg-warn-wash text-warn" : "bg-accent-wash text-accent-strong",
      )}
    >
      {offline && <WifiOff className="size-4 shrink-0" aria-hidden />}
      {offline ? t("shell.offline") : notice}
    </div>
  );
}
