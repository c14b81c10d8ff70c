import { QueryClient } from "@tanstack/react-query";
import { ApiError, api } from "./client";

/** All that was read from the gateway. What is older than 10 s is read again when it is looked at. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // Only what was not answered is tried again; a refusal stays one.
      retry: (failures, error) => error instanceof ApiError && (error.offline || error.status === 503) && failures < 2,
    },
    mutations: { retry: false },
  },
});

/** Has everything below some paths of the API read again: stale("/api/tokens", "/api/me"). */
export function stale(...paths: string[]) {
  return queries.invalidateQueries({
    predicate: (q) => {
      const path = q.queryKey[1];
      return (
        typeof path === "string" &&
        paths.some((p) => path === p || path.startsWith(`${p}/`) || path.startsWith(`${p}?`))
      );
    },
  });
}

/** Who is signed in. */
export const meQuery = api.queryOptions("get", "/api/me", {}, { staleTime: 30_000 });
