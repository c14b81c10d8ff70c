import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { CircleUserRound, Languages, type LucideIcon, Menu as MenuIcon, Search, WifiOff } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { loadTexts } from "@/i18n";
import { cn } from "@/lib/cn";
import { fetched } from "@/lib/fetched";
import * as format from "@/lib/format";
import { Mark } from "@/ui/brand";
import { Button, IconButton } from "@/ui/button";
import { Skeleton } from "@/ui/feedback";
import { places } from "./nav";
import { isAdmin, useMe, useOffline } from "./session";

const CommandMenu = lazy(() =>
  fetched(async () => (await Promise.all([import("./command"), loadTexts("command")]))[0]),
);

const Drawer = lazy(() => fetched(() => import("./drawer")));

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
      {drawer && (
        <Suspense>
          <Drawer onClose={() => setDrawer(false)} />
        </Suspense>
      )}
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
            aria-keyshortcuts={isApple ? "Meta+K" : "Control+K"}
          >
            <Search aria-hidden />
            <span className="sr-only flex-1 text-left font-normal sm:not-sr-only">{t("shell.search")}</span>
            <kbd aria-hidden className="hidden rounded border border-line bg-sunken px-1 font-sans text-xs sm:inline">
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

export function Brand() {
  return (
    <Link to="/" className="flex h-14 items-center gap-2.5 px-5 font-semibold text-base tracking-tight">
      <Mark className="size-6" />
      one-api
    </Link>
  );
}

export function SideBar() {
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
      title={me.held > 0 ? t("shell.held", { amount: format.usd(me.held) }) : t("shell.balance")}
      className="num mr-1 rounded-lg px-2 py-1 font-medium hover:bg-sunken"
    >
      <span className="sr-only">{t("shell.balance")}</span> {format.usd(me.available)}
    </Link>
  );
}

// Menus are fetched when the pointer or the focus comes near their buttons.
const menus = () => fetched(() => import("./menus"));
const PreferencesMenu = lazy(async () => ({ default: (await menus()).PreferencesMenu }));
const AccountMenu = lazy(async () => ({ default: (await menus()).AccountMenu }));

function MenuButton({
  label,
  icon: Icon,
  menu: Opened,
}: {
  label: string;
  icon: LucideIcon;
  menu: typeof AccountMenu;
}) {
  const [wanted, setWanted] = useState(false);
  const near = () => void menus().catch(() => {});
  const button = (
    <IconButton
      label={label}
      size="icon"
      aria-haspopup="menu"
      onPointerEnter={near}
      onFocus={near}
      onClick={() => setWanted(true)}
    >
      <Icon aria-hidden />
    </IconButton>
  );
  if (!wanted) return button;
  return (
    <Suspense fallback={button}>
      <Opened
        trigger={
          <IconButton label={label} size="icon">
            <Icon aria-hidden />
          </IconButton>
        }
      />
    </Suspense>
  );
}

/** The choice of language and colours. */
export function Preferences() {
  const { t } = useTranslation();
  return <MenuButton label={t("shell.preferences")} icon={Languages} menu={PreferencesMenu} />;
}

function Account() {
  const { t } = useTranslation();
  return <MenuButton label={t("shell.account")} icon={CircleUserRound} menu={AccountMenu} />;
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
