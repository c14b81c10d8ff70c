import * as Slot from "radix-ui/slot";
import { type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";

/** How long the pointer rests before the words come; once some were shown, others come at once. */
const rest = 350;
let lastShown = 0;

/**
 * A word or two on hover and focus. Above what it is about, or below where there
 * is no room; a library that places such things is 20 kB of every first load.
 */
export function Tip({ text, children }: { text: ReactNode; children: ReactNode }) {
  const id = useId();
  const [about, setAbout] = useState<Element | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const hide = () => {
    clearTimeout(timer.current);
    if (about) lastShown = Date.now();
    setAbout(null);
  };
  const show = (element: Element, after: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => element.isConnected && setAbout(element), after);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <>
      <Slot.Root
        aria-describedby={about ? id : undefined}
        onPointerEnter={(e) => {
          if (e.pointerType !== "touch") show(e.currentTarget, Date.now() - lastShown < 300 ? 0 : rest);
        }}
        onPointerLeave={hide}
        onPointerDown={hide}
        onFocus={(e) => {
          if (e.currentTarget.matches(":focus-visible")) show(e.currentTarget, 0);
        }}
        onBlur={hide}
        onKeyDown={(e) => {
          if (e.key === "Escape") hide();
        }}
      >
        {children}
      </Slot.Root>
      {about && (
        <Words id={id} about={about} onGone={hide}>
          {text}
        </Words>
      )}
    </>
  );
}

function Words({
  id,
  about,
  children,
  onGone,
}: {
  id: string;
  about: Element;
  children: ReactNode;
  onGone: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const b = box.current;
    if (!b) return;
    const a = about.getBoundingClientRect();
    const left = Math.min(Math.max(8, a.left + a.width / 2 - b.offsetWidth / 2), innerWidth - b.offsetWidth - 8);
    const above = a.top - b.offsetHeight - 6;
    b.style.left = `${left}px`;
    b.style.top = `${above >= 8 ? above : a.bottom + 6}px`;
  });
  useEffect(() => {
    addEventListener("scroll", onGone, { capture: true, passive: true });
    return () => removeEventListener("scroll", onGone, { capture: true });
  });
  return createPortal(
    <div
      ref={box}
      id={id}
      role="tooltip"
      className="pointer-events-none fixed z-60 w-max max-w-80 rounded-md bg-ink px-2 py-1 text-bg text-xs shadow-float"
    >
      {children}
    </div>,
    document.body,
  );
}
