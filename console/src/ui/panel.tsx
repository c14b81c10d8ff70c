/** The look of what floats above the page. */
export const panel = "z-50 rounded-xl border border-line bg-surface text-ink shadow-float outline-none";
export const appear = "animate-[appear_120ms_ease-out]";

/**
 * What lies behind a dialog. Radix's own writes a style element that keeps the
 * page from scrolling, which our content security policy forbids; main.css does
 * that instead.
 */
export const Backdrop = () => (
  <div className="fixed inset-0 z-40 animate-[appear_120ms_ease-out] bg-black/45" aria-hidden />
);
