import * as T from "radix-ui/tabs";
import type { ReactNode } from "react";

/** Parts of a page of which one is shown. Which one stands in the page's address. */
export function Tabs<V extends string>({
  value,
  onChange,
  tabs,
  label,
  children,
}: {
  value: V;
  onChange: (v: V) => void;
  tabs: [V, ReactNode][];
  label: string;
  children: ReactNode;
}) {
  return (
    <T.Root value={value} onValueChange={(v) => onChange(v as V)}>
      <T.List aria-label={label} className="mb-4 flex gap-5 overflow-x-auto border-line border-b">
        {tabs.map(([v, text]) => (
          <T.Trigger
            key={v}
            value={v}
            className="-mb-px flex items-center gap-1.5 whitespace-nowrap border-transparent border-b-2 px-0.5 pb-2 text-soft -outline-offset-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
          >
            {text}
          </T.Trigger>
        ))}
      </T.List>
      <T.Content value={value} tabIndex={-1} className="outline-none">
        {children}
      </T.Content>
    </T.Root>
  );
}
