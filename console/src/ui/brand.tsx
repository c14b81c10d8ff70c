/** The sign of the product. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#4f46e5" />
      <path d="M9 10.5v11a1 1 0 0 0 1.5.87l9.4-5.5a1 1 0 0 0 0-1.74l-9.4-5.5A1 1 0 0 0 9 10.5Z" fill="#fff" />
      <rect x="22" y="9.5" width="2.6" height="13" rx="1.3" fill="#a5b4fc" />
    </svg>
  );
}
