import * as P from "radix-ui/popover";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";
import { appear, panel } from "./panel";

/** A panel that hangs from its trigger, for a few controls. */
export function Popover({
  trigger,
  children,
  className,
  ...props
}: ComponentProps<typeof P.Root> & { trigger: ReactNode; className?: string }) {
  return (
    <P.Root {...props}>
      <P.Trigger asChild>{trigger}</P.Trigger>
      <P.Portal>
        <P.Content align="start" sideOffset={6} collisionPadding={8} className={cn(panel, appear, "p-3", className)}>
          {children}
        </P.Content>
      </P.Portal>
    </P.Root>
  );
}
