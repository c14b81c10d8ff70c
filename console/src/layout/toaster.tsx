import { createRoot } from "react-dom/client";
import { Toaster, toast } from "sonner";
import { useIsDark } from "@/lib/theme";

function Messages() {
  const dark = useIsDark();
  return (
    <Toaster
      theme={dark ? "dark" : "light"}
      position="bottom-right"
      closeButton
      toastOptions={{ className: "font-sans!" }}
    />
  );
}

const host = document.createElement("div");
document.body.append(host);
createRoot(host).render(<Messages />);

export function show(kind: "success" | "error", text: string) {
  toast[kind](text);
}
