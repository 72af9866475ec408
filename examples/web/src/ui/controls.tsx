/* Buttons, cards, fields and badges: the look of the whole client. */
import type { ButtonHTMLAttributes, ReactNode } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  primary?: boolean;
  danger?: boolean;
  small?: boolean;
}

export function Button({ primary, danger, small, className, ...rest }: ButtonProps) {
  const look = primary
    ? "border-accent bg-accent text-accent-ink hover:brightness-110"
    : danger
      ? "border-bad text-bad hover:bg-bad/10"
      : "border-line bg-card text-ink hover:border-soft";
  const size = small ? "px-2 py-0.5 text-sm" : "px-3 py-1.5";
  return (
    <button
      type="button"
      className={`rounded-md border font-medium disabled:cursor-not-allowed disabled:opacity-50 ${look} ${size} ${className ?? ""}`}
      {...rest}
    />
  );
}

export function Card({ title, actions, children }: { title?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="min-w-0 rounded-lg border border-line bg-card p-4">
      {(title !== undefined || actions !== undefined) && (
        <header className="mb-3 flex flex-wrap items-center justify-between gap-2">
          <h2 className="font-semibold">{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

/* `wrong` is what the server says of this very field. */
export function Field({
  label,
  hint,
  wrong,
  children,
}: {
  label: string;
  hint?: ReactNode;
  wrong?: string[];
  children: ReactNode;
}) {
  return (
    <label
      className={`block ${wrong !== undefined && wrong.length > 0 ? "[&_:is(input,select,textarea)]:border-bad" : ""}`}
    >
      <span className="mb-1 block text-sm font-medium">{label}</span>
      {children}
      {wrong?.map((text) => (
        <span key={text} role="alert" className="mt-1 block text-sm font-medium text-bad first-letter:uppercase">
          {text}
        </span>
      ))}
      {hint !== undefined && <span className="mt-1 block text-sm text-soft">{hint}</span>}
    </label>
  );
}

export const inputLook =
  "w-full min-h-9 rounded-md border border-line bg-card px-2.5 py-1.5 text-ink placeholder:text-soft";

const tones: Record<string, string> = {
  QUEUED: "text-soft",
  PENDING: "text-soft",
  SKIPPED: "text-soft",
  RUNNING: "text-busy",
  COMPLETED: "text-good",
  CANCELLED: "text-warn",
  TIMEOUT: "text-bad",
  FAILED: "text-bad",
  STALE: "text-bad",
};

/* A status by word and by colour, never by colour alone. */
export function Status({ value }: { value: string }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 text-sm font-medium whitespace-nowrap ${tones[value] ?? "text-soft"}`}
    >
      <span aria-hidden className="size-2 rounded-full bg-current" />
      {value}
    </span>
  );
}

export function Meter({ fraction, label }: { fraction: number; label: string }) {
  const part = Math.min(1, Math.max(0, fraction));
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
      className="h-1.5 w-full min-w-16 overflow-hidden rounded-full bg-line"
    >
      <div className="h-full bg-busy transition-[width]" style={{ width: `${part * 100}%` }} />
    </div>
  );
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {items.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-soft">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
