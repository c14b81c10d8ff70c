import type { ReactNode } from "react";
import { Preferences } from "@/layout/shell";
import { Mark } from "@/ui/brand";

/** The frame of the pages before the sign-in. */
export function EntryFrame({
  title,
  lead,
  children,
  foot,
}: {
  title: ReactNode;
  lead?: ReactNode;
  children?: ReactNode;
  foot?: ReactNode;
}) {
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex h-14 items-center justify-between px-4 sm:px-6">
        <span className="flex items-center gap-2.5 font-semibold text-base tracking-tight">
          <Mark className="size-6" />
          one-api
        </span>
        <Preferences />
      </header>
      <main className="flex flex-1 flex-col items-center px-4 pt-[8vh] pb-16">
        <div className="w-full max-w-sm rounded-2xl border border-line bg-surface p-6 shadow-float sm:p-7">
          <h1 className="font-semibold text-xl tracking-tight">{title}</h1>
          {lead && <div className="mt-1 text-soft">{lead}</div>}
          <div className="mt-5 space-y-4">{children}</div>
        </div>
        {foot && <div className="mt-5 text-center text-soft">{foot}</div>}
      </main>
    </div>
  );
}
