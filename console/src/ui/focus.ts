import { useRef } from "react";

/** What has the focus; of a menu's entry, which goes away, the button of the menu. */
function focused(): HTMLElement | null {
  const element = document.activeElement;
  const menu = element?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return (menu ? document.getElementById(menu) : element) as HTMLElement | null;
}

/**
 * Gives the focus back to where it was before something opened. Radix does so
 * for what has a trigger of its own; our dialogs are opened by pages. The answer
 * is what onCloseAutoFocus of their content takes.
 */
export function useFocusBack(open: boolean) {
  const before = useRef<HTMLElement | null>(null);
  const was = useRef(false);
  if (open && !was.current) before.current = focused();
  was.current = open;
  return (event: Event) => {
    event.preventDefault();
    if (before.current?.isConnected) before.current.focus();
  };
}
