import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

/** The query of an address as plain strings; empty values do not occur. */
export type Search = Record<string, string | undefined>;

export const parseSearch = (text: string): Search =>
  Object.fromEntries([...new URLSearchParams(text)].filter(([, v]) => v !== ""));

export function stringifySearch(search: Record<string, unknown>): string {
  const out = new URLSearchParams();
  for (const [k, v] of Object.entries(search)) if (v !== undefined && v !== null && v !== "") out.set(k, String(v));
  const text = out.toString();
  return text ? `?${text}` : "";
}

/**
 * What a page keeps in its address: the values of some keys, and a function that
 * changes them. A changed filter takes the place of the last in the history;
 * with push it is a step of its own.
 */
export function useSearchState<K extends string>(
  keys: readonly K[],
): [{ [k in K]?: string }, (change: { [k in K]?: string }, push?: boolean) => void] {
  const search = useRouterState({ select: (s) => s.location.search as Search });
  const navigate = useNavigate();
  const values = useMemo(
    () => Object.fromEntries(keys.filter((k) => search[k]).map((k) => [k, search[k]])) as { [k in K]?: string },
    [search, keys],
  );
  const change = useCallback(
    (next: { [k in K]?: string }, push = false) => {
      void navigate({
        to: ".",
        search: (old: Search) => ({ ...old, ...next }),
        replace: !push,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [values, change];
}
