import * as C from "radix-ui/checkbox";
import * as S from "radix-ui/switch";
import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";
import { ControlContext, useControl } from "./form";

export function Switch({ className, ...props }: ComponentProps<typeof S.Root>) {
  return (
    <S.Root
      {...useControl()}
      className={cn(
        "relative inline-flex h-5.5 w-10 shrink-0 cursor-pointer rounded-full border border-transparent bg-line-strong transition-colors disabled:opacity-50 data-[state=checked]:bg-accent",
        className,
      )}
      {...props}
    >
      <S.Thumb className="m-0.5 block size-4 rounded-full bg-white shadow-sm transition-transform data-[state=checked]:translate-x-4.5" />
    </S.Root>
  );
}

/** A switch with its label beside it and a hint below. */
export function SwitchField({
  label,
  hint,
  ...props
}: ComponentProps<typeof S.Root> & { label: ReactNode; hint?: ReactNode }) {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <ControlContext value={{ id, describedBy: hint ? `${id}-note` : undefined, invalid: false }}>
        <Switch {...props} />
      </ControlContext>
      <div className="min-w-0">
        <label htmlFor={id} className="cursor-pointer font-medium">
          {label}
        </label>
        {hint && (
          <p id={`${id}-note`} className="text-faint text-xs">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

export function Checkbox({ label, ...props }: ComponentProps<typeof C.Root> & { label: ReactNode }) {
  const id = useId();
  return (
    <div className="flex items-center gap-2">
      <C.Root
        id={id}
        className="flex size-4.5 shrink-0 items-center justify-center rounded border border-line-strong bg-surface data-[state=checked]:border-accent data-[state=indeterminate]:border-accent data-[state=checked]:bg-accent disabled:opacity-55"
        {...props}
      >
        <C.Indicator>
          <svg
            viewBox="0 0 12 12"
            className={cn("size-3", props.checked === "indeterminate" ? "text-accent-strong" : "text-accent-ink")}
            aria-hidden="true"
          >
            <path
              d={props.checked === "indeterminate" ? "M3 6h6" : "m2.5 6.5 2.5 2.5 4.5-6"}
              fill="none"
              stroke="currentColor"
              strokeWidth="1.8"
              strokeLinecap="round"
            />
          </svg>
        </C.Indicator>
      </C.Root>
      <label htmlFor={id} className="cursor-pointer">
        {label}
      </label>
    </div>
  );
}
