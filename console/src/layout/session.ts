import { useSyncExternalStore } from "react";
import { api, onConnection, type Schemas } from "@/api/client";
import { queries } from "@/api/queries";

/** Leads to the sign-in when the session has ended, and back to where one was. */
export function watchSession(router: typeof import("@/router").router) {
  onConnection((event) => {
    const { pathname, href } = router.state.location;
    if (event === "signed-out" && !isOpen(pathname)) {
      void router.navigate({ to: "/sign-in", search: { to: href, ended: "1" } }).then(forget);
    }
    if (event === "setup" && pathname !== "/setup") void router.navigate({ to: "/setup" });
  });
}

/** Forgets all that was read for whoever was signed in; what is looked at stays. */
export const forget = () => queries.removeQueries({ type: "inactive" });

const openPaths = ["/sign-in", "/setup", "/reset", "/register", "/pricing"];
/** Whether a page needs nobody to be signed in. */
export const isOpen = (path: string) => openPaths.includes(path);

/** Where a sign-in leads: only to our own pages. */
export function landing(to: unknown): string {
  return typeof to === "string" && /^\/(?![/\\])/.test(to) && !isOpen(to.split("?")[0] ?? "") ? to : "/";
}

/** The signed-in user. Pages below the shell always have one. */
export function useMe(): Schemas["Me"] {
  const { data } = api.useQuery("get", "/api/me", {}, { staleTime: 30_000 });
  if (!data) throw new Error("nobody is signed in");
  return data;
}

export const isAdmin = (me: Schemas["Me"]) => me.role !== "user";
export const useIsAdmin = () => isAdmin(useMe());

// Whether the gateway answers, as the last requests saw it.
let offline = false;
const listeners = new Set<() => void>();
onConnection((event) => {
  if (event !== "offline" && event !== "online") return;
  if ((event === "offline") === offline) return;
  offline = event === "offline";
  for (const l of listeners) l();
});

export const useOffline = () =>
  useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => offline,
  );
