import { fetched } from "./fetched";

/** Short messages at the edge of the page. What shows them is fetched with the first. */
const toaster = () => fetched(() => import("@/layout/toaster"));

export const toast = {
  success: (text: string) => void toaster().then((m) => m.show("success", text)),
  error: (text: string) => void toaster().then((m) => m.show("error", text)),
};
