/* Loading, empty and failed: every page says which of them it is in. */
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./controls";
import { Copy } from "./copy";

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
  const known = error instanceof ApiError ? error : null;
  const text = error instanceof Error ? error.message : String(error);
  // fetch tells by a TypeError that nothing answered; any other error is one of this client.
  const title =
    known !== null ? text : error instanceof TypeError ? "The server cannot be reached." : "This did not work.";
  const told = (known?.errors ?? []).filter((e) => e.pointer !== "" || e.detail !== text);
  return (
    <div role="alert" className="min-w-0 rounded-lg border border-bad bg-card px-4 py-3 wrap-anywhere">
      <p className="font-medium text-bad first-letter:uppercase">{title}</p>
      {known === null && <p className="text-soft">{text}</p>}
      {told.length > 0 && (
        <ul className="mt-1 list-disc pl-5">
          {told.map((e) => (
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
            <Copy label="Copy request id" text={known.requestId} />
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
