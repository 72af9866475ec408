/* Loading, empty and failed: every page says which of them it is in. */
import { useState, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./controls";

export function Loading({ what }: { what: string }) {
  return (
    <p role="status" className="animate-pulse py-8 text-center text-soft">
      Loading {what} …
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-lg border border-dashed border-line px-4 py-10 text-center">
      <p className="font-medium">{title}</p>
      {children !== undefined && <div className="mt-2 text-soft">{children}</div>}
    </div>
  );
}

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const [copied, setCopied] = useState(false);
  const known = error instanceof ApiError ? error : null;
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div role="alert" className="rounded-lg border border-bad bg-card px-4 py-3">
      <p className="font-medium text-bad">{known === null ? "The server cannot be reached." : text}</p>
      {known === null && <p className="text-soft">{text}</p>}
      {known !== null && known.errors.length > 0 && (
        <ul className="mt-1 list-disc pl-5">
          {known.errors.map((e) => (
            <li key={e.pointer + e.detail}>
              {e.pointer !== "" && <code className="mr-2 text-soft">{e.pointer}</code>}
              {e.detail}
            </li>
          ))}
        </ul>
      )}
      <div className="mt-2 flex flex-wrap items-center gap-2">
        {known !== null && known.requestId !== "" && (
          <>
            <span className="text-sm text-soft">
              Request <code>{known.requestId}</code>
            </span>
            <Button
              small
              onClick={() => void navigator.clipboard.writeText(known.requestId).then(() => setCopied(true))}
            >
              {copied ? "Copied" : "Copy request id"}
            </Button>
          </>
        )}
        {again !== undefined && (
          <Button small onClick={again}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}
