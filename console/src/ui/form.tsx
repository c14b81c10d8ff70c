import { ChevronDown } from "lucide-react";
import { type ComponentProps, createContext, type ReactNode, useContext, useId } from "react";
import { cn } from "@/lib/cn";

const box =
  "w-full rounded-lg border border-line-strong bg-surface px-3 text-ink outline-offset-0 placeholder:text-faint disabled:bg-sunken disabled:opacity-70 aria-[invalid=true]:border-bad";

type Control = { id: string; describedBy?: string; invalid: boolean };
export const ControlContext = createContext<Control | null>(null);

/** The ids that tie a control to the label, hint and error of the Field around it. */
export function useControl() {
  const c = useContext(ControlContext);
  return c ? { id: c.id, "aria-describedby": c.describedBy, "aria-invalid": c.invalid || undefined } : {};
}

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  children: ReactNode;
  className?: string;
  /** Shown at the end of the label's line. */
  aside?: ReactNode;
  optional?: ReactNode;
};

/** A labelled control with its hint, and with what is wrong with it in the hint's place. */
export function Field({ label, hint, error, children, className, aside, optional }: FieldProps) {
  const id = useId();
  const note = `${id}-note`;
  return (
    <div className={cn("min-w-0", className)}>
      <div className="mb-1 flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="font-medium">
          {label}
          {optional && <span className="ml-1.5 font-normal text-faint text-xs">{optional}</span>}
        </label>
        {aside}
      </div>
      <ControlContext value={{ id, describedBy: error || hint ? note : undefined, invalid: !!error }}>
        {children}
      </ControlContext>
      {(error || hint) && (
        <p
          id={note}
          className={cn("mt-1 text-xs", error ? "text-bad" : "text-faint")}
          role={error ? "alert" : undefined}
        >
          {error || hint}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input {...useControl()} className={cn(box, "h-9", className)} {...props} />;
}

export function Textarea({ className, ...props }: ComponentProps<"textarea">) {
  return <textarea {...useControl()} className={cn(box, "min-h-20 py-2", className)} {...props} />;
}

/** The browser's own select: it works by keyboard, by touch and for readers everywhere. */
export function Select({ className, children, ...props }: ComponentProps<"select">) {
  return (
    <span className={cn("relative inline-block w-full", className)}>
      <select {...useControl()} className={cn(box, "h-9 appearance-none pr-8")} {...props}>
        {children}
      </select>
      <ChevronDown
        className="pointer-events-none absolute top-1/2 right-2.5 size-4 -translate-y-1/2 text-faint"
        aria-hidden
      />
    </span>
  );
}

/** A few choices side by side, one of them taken. */
export function Segments<T extends string>({
  value,
  onChange,
  options,
  label,
}: {
  value: T;
  onChange: (v: T) => void;
  options: [T, ReactNode][];
  label: string;
}) {
  const name = useId();
  return (
    <fieldset className="inline-flex max-w-full flex-wrap rounded-lg border border-line bg-sunken p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map(([v, text]) => (
        <label
          key={v}
          className="relative flex cursor-pointer items-center gap-1.5 rounded-md px-2.5 py-1 text-soft has-checked:bg-surface has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent [&_svg]:size-4"
        >
          <input
            type="radio"
            name={name}
            value={v}
            checked={v === value}
            onChange={() => onChange(v)}
            className="sr-only"
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

/** Fields side by side where there is room. */
export const FieldRow = ({ children, className }: { children: ReactNode; className?: string }) => (
  <div className={cn("grid gap-4 sm:grid-cols-2", className)}>{children}</div>
);
