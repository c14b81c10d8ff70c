import { CircleCheck, TriangleAlert, X } from "lucide-react";
import * as Toast from "radix-ui/toast";
import { useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";

type Message = { id: number; kind: "success" | "error"; text: string };
let messages: Message[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: Message[]) {
  messages = next;
  for (const l of listeners) l();
}

function Messages() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => messages,
  );
  return (
    <Toast.Provider label={t("common.message")} swipeDirection="right">
      {shown.map((m) => (
        <Toast.Root
          key={m.id}
          type={m.kind === "error" ? "foreground" : "background"}
          duration={m.kind === "error" ? 12_000 : 4000}
          onOpenChange={(open) => !open && change(messages.filter((x) => x.id !== m.id))}
          className="flex animate-[appear_140ms_ease-out] items-start gap-2.5 rounded-xl border border-line bg-surface py-3 pr-2 pl-3.5 shadow-float"
        >
          {m.kind === "error" ? (
            <TriangleAlert className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden />
          ) : (
            <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden />
          )}
          <Toast.Description className="min-w-0 flex-1 break-words">{m.text}</Toast.Description>
          <Toast.Close aria-label={t("common.close")} className="rounded-md p-0.5 text-faint hover:text-ink">
            <X className="size-4" aria-hidden />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="fixed right-0 bottom-0 z-70 flex w-96 max-w-full flex-col gap-2 p-4 outline-none" />
    </Toast.Provider>
  );
}

const host = document.createElement("div");
document.body.append(host);
createRoot(host).render(<Messages />);

/** Shows a message for a while; the newest five stay. */
export function show(kind: Message["kind"], text: string) {
  last += 1;
  change([...messages, { id: last, kind, text }].slice(-5));
}
