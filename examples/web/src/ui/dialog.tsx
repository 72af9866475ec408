/* A dialog in front of the page: the browser's own, which keeps the focus inside and closes by Escape. */
import { useEffect, useRef, type ReactNode } from "react";
import { Button } from "./controls";

interface Props {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, open, onClose, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);
  return (
    <dialog
      ref={box}
      aria-label={title}
      className="m-auto w-[min(34rem,calc(100vw-2rem))] rounded-lg border border-line bg-card p-5 text-ink shadow-xl backdrop:bg-black/50"
      onClose={onClose}
    >
      {open && (
        <>
          <header className="mb-3 flex items-start justify-between gap-4">
            <h2 className="text-lg font-semibold">{title}</h2>
            <Button small onClick={onClose}>
              Close
            </Button>
          </header>
          {children}
        </>
      )}
    </dialog>
  );
}
