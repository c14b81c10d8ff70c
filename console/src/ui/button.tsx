import { cva, type VariantProps } from "class-variance-authority";
import { Check, Copy, LoaderCircle } from "lucide-react";
import * as Slot from "radix-ui/slot";
import { type ComponentProps, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { cn } from "@/lib/cn";
import { Tip } from "./tip";

export const buttonStyle = cva(
  "inline-flex select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-lg font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-55 [&_svg]:size-4 [&_svg]:shrink-0",
  {
    variants: {
      look: {
        primary: "bg-accent text-accent-ink hover:bg-accent-strong",
        plain: "border border-line-strong bg-surface text-ink hover:bg-sunken",
        ghost: "text-soft hover:bg-sunken hover:text-ink",
        danger: "border border-bad/40 bg-surface text-bad hover:bg-bad-wash",
        dangerFull: "bg-bad text-surface hover:opacity-90",
        link: "h-auto! p-0! text-accent-strong underline-offset-2 hover:underline",
      },
      size: { md: "h-9 px-3.5 text-sm", sm: "h-8 px-2.5 text-[0.8125rem]", icon: "size-9", iconSm: "size-8" },
    },
    defaultVariants: { look: "plain", size: "md" },
  },
);

type ButtonProps = ComponentProps<"button"> & VariantProps<typeof buttonStyle> & { asChild?: boolean; busy?: boolean };

/** A button; busy shows that its work goes on and keeps it from being pressed again. */
export function Button({ look, size, asChild, busy, className, children, disabled, ...props }: ButtonProps) {
  if (asChild) {
    return (
      <Slot.Root className={cn(buttonStyle({ look, size }), className)} {...props}>
        {children}
      </Slot.Root>
    );
  }
  return (
    <button
      type="button"
      className={cn(buttonStyle({ look, size }), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...props}
    >
      {busy && <LoaderCircle className="animate-spin" aria-hidden />}
      {children}
    </button>
  );
}

/** A button with a picture only; its label is read out and shown on hover. */
export function IconButton({ label, look = "ghost", size = "iconSm", ...props }: ButtonProps & { label: string }) {
  return (
    <Tip text={label}>
      <Button look={look} size={size} aria-label={label} {...props} />
    </Tip>
  );
}

/** Puts a text on the clipboard and says that it did. */
export function useCopy() {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  return { copied, copy: async (text: string) => setCopied(await toClipboard(text)) };
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // On plain http away from localhost browsers have no clipboard; the old way works there.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    (document.querySelector("[role=dialog]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, label, className }: { text: string; label?: string; className?: string }) {
  const { t } = useTranslation();
  const { copied, copy } = useCopy();
  const Icon = copied ? Check : Copy;
  if (label) {
    return (
      <Button size="sm" onClick={() => copy(text)} className={className}>
        <Icon aria-hidden />
        {copied ? t("common.copied") : label}
      </Button>
    );
  }
  return (
    <IconButton
      label={copied ? t("common.copied") : t("common.copy")}
      onClick={() => copy(text)}
      className={cn("[&_svg]:size-3.5!", className ?? "size-7!")}
    >
      <Icon aria-hidden />
    </IconButton>
  );
}
