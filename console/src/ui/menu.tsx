import * as DropdownMenu from "radix-ui/dropdown-menu";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";
import { appear, panel } from "./panel";

/** A menu that hangs from its trigger. */
export function Menu({
  trigger,
  children,
  align = "end",
  defaultOpen,
}: {
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
  defaultOpen?: boolean;
}) {
  return (
    <DropdownMenu.Root modal={false} defaultOpen={defaultOpen}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={6}
          collisionPadding={8}
          className={cn(
            panel,
            appear,
            "max-h-(--radix-dropdown-menu-content-available-height) min-w-44 overflow-y-auto p-1",
          )}
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const item =
  "flex select-none items-center gap-2 rounded-md px-2 py-1.5 outline-none data-[disabled]:opacity-50 data-[highlighted]:bg-sunken [&_svg]:size-4 [&_svg]:text-faint";

export function MenuItem({
  danger,
  className,
  ...props
}: ComponentProps<typeof DropdownMenu.Item> & { danger?: boolean }) {
  return (
    <DropdownMenu.Item
      className={cn(
        item,
        "cursor-pointer",
        danger && "text-bad data-[highlighted]:bg-bad-wash [&_svg]:text-bad",
        className,
      )}
      {...props}
    />
  );
}

/** A menu entry that is ticked or not. The menu stays open. */
export function MenuCheck({ children, ...props }: ComponentProps<typeof DropdownMenu.CheckboxItem>) {
  return (
    <DropdownMenu.CheckboxItem className={cn(item, "cursor-pointer")} onSelect={(e) => e.preventDefault()} {...props}>
      <span className="flex size-4 items-center justify-center rounded border border-line-strong">
        <DropdownMenu.ItemIndicator>
          <span className="block size-2 rounded-xs bg-accent" />
        </DropdownMenu.ItemIndicator>
      </span>
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

/** Menu entries of which one is chosen. */
export function MenuChoice<T extends string>({
  value,
  onChange,
  options,
}: {
  value: T;
  onChange: (v: T) => void;
  options: [T, ReactNode][];
}) {
  return (
    <DropdownMenu.RadioGroup value={value} onValueChange={(v) => onChange(v as T)}>
      {options.map(([v, label]) => (
        <DropdownMenu.RadioItem key={v} value={v} className={cn(item, "cursor-pointer")}>
          <span className="flex size-4 items-center justify-center">
            <DropdownMenu.ItemIndicator>
              <span className="block size-1.5 rounded-full bg-accent" />
            </DropdownMenu.ItemIndicator>
          </span>
          {label}
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className="px-2 pt-2 pb-1 font-medium text-faint text-xs">{children}</DropdownMenu.Label>
);
export const MenuLine = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />;
