/** Short messages at the edge of the page. What shows them is fetched with the first. */
const sonner = () => import("@/layout/toaster");

export const toast = {
  success: (text: string) => void sonner().then((s) => s.show("success", text)),
  error: (text: string) => void sonner().then((s) => s.show("error", text)),
};
