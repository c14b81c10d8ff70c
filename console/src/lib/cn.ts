import { type ClassValue, clsx } from "clsx";

/**
 * Joins class names. Where one is to win over a component's own, it says so
 * with an exclamation mark: "h-8!". (A library that finds such pairs at run
 * time is 8 kB of every first load.)
 */
export const cn = (...classes: ClassValue[]) => clsx(classes);
