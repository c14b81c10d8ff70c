import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";
const key = "theme";
const listeners = new Set<() => void>();
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
  const t = localStorage.getItem(key);
  return t === "light" || t === "dark" ? t : "system";
}

function apply() {
  const t = stored();
  document.documentElement.classList.toggle("dark", t === "dark" || (t === "system" && dark.matches));
  for (const l of listeners) l();
}
dark.addEventListener("change", apply);

/** Changes the colours, for this browser. */
export function setTheme(t: Theme) {
  localStorage.setItem(key, t);
  apply();
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => listeners.delete(l);
}

export const useTheme = () => useSyncExternalStore(subscribe, stored);
export const useIsDark = () =>
  useSyncExternalStore(subscribe, () => document.documentElement.classList.contains("dark"));
