import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { ApiError } from "./api/client";
import { meQuery, queries } from "./api/queries";
import { loadTexts } from "./i18n";
import { Broken, NotFound } from "./layout/outcomes";
import { Shell } from "./layout/shell";
import { fetched } from "./lib/fetched";
import { parseSearch, type Search, stringifySearch } from "./lib/search";

const root = createRootRoute({
  // Each page reads what it keeps in the address as plain strings.
  validateSearch: (search): Search => search as Search,
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Broken,
});

// Pages that need nobody to be signed in.
const open = <P extends string>(path: P, load: () => Promise<{ default: () => React.ReactNode }>, ...rooms: string[]) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component: lazyRouteComponent(() => fetched(async () => (await Promise.all([load(), loadTexts(...rooms)]))[0])),
  });

/** All pages for who is signed in stand in the shell. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      await queries.ensureQueryData(meQuery);
    } catch (error) {
      if (error instanceof ApiError && error.code === "setup_required") throw redirect({ to: "/setup" });
      if (error instanceof ApiError && error.status === 401) {
        throw redirect({ to: "/sign-in", search: location.pathname === "/" ? {} : { to: location.href } });
      }
      throw error;
    }
  },
  errorComponent: Broken,
  notFoundComponent: NotFound,
});

// A page comes with the texts of its room and of other rooms whose parts it shows.
const page = <P extends string>(path: P, load: () => Promise<{ default: () => React.ReactNode }>, ...rooms: string[]) =>
  createRoute({
    getParentRoute: () => shell,
    path,
    component: lazyRouteComponent(() => fetched(async () => (await Promise.all([load(), loadTexts(...rooms)]))[0])),
  });

const tree = root.addChildren([
  open("/sign-in", () => import("./pages/entry/sign-in")),
  open("/setup", () => import("./pages/entry/setup")),
  open("/reset", () => import("./pages/entry/reset")),
  open("/register", () => import("./pages/entry/register")),
  open("/pricing", () => import("./pages/prices/public"), "prices"),
  shell.addChildren([
    page("/", () => import("./pages/overview/overview")),
    page("/tasks", () => import("./pages/tasks/tasks"), "tasks"),
    page("/tasks/$id", () => import("./pages/tasks/task"), "tasks"),
    page("/playground", () => import("./pages/playground/playground"), "playground", "tasks"),
    page("/channels", () => import("./pages/channels/channels"), "channels"),
    page("/channels/$id", () => import("./pages/channels/channel"), "channels"),
    page("/prices", () => import("./pages/prices/prices"), "prices"),
    page("/users", () => import("./pages/users/users"), "users"),
    page("/users/$id", () => import("./pages/users/user"), "users", "usage"),
    page("/groups", () => import("./pages/groups/groups"), "groups"),
    page("/tokens", () => import("./pages/tokens/tokens"), "tokens"),
    page("/redemptions", () => import("./pages/redemptions/redemptions"), "redemptions"),
    page("/ledger", () => import("./pages/ledger/ledger"), "ledger"),
    page("/usage", () => import("./pages/usage/usage"), "usage", "tasks"),
    page("/webhooks", () => import("./pages/webhooks/webhooks"), "webhooks"),
    page("/audit", () => import("./pages/audit/audit"), "audit"),
    page("/settings", () => import("./pages/settings/settings"), "settings"),
    page("/about", () => import("./pages/about/about"), "about"),
    page("/profile", () => import("./pages/profile/profile"), "profile", "webhooks"),
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: Broken,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
