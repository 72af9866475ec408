/* A button that copies a text and says so. */
import { useEffect, useState } from "react";
import { Button } from "./controls";

export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const [told, setTold] = useState<string | null>(null);
  useEffect(() => {
    if (told === null) return;
    const timer = setTimeout(() => setTold(null), 2_000);
    return () => clearTimeout(timer);
  }, [told]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setTold("Copied");
    } catch {
      // Without permission, or on a page that came over plain HTTP from another machine.
      setTold("The browser does not allow it");
    }
  };
  return (
    <>
      <Button small onClick={() => void copy()}>
        {told ?? label}
      </Button>
      {/* Outside of the button: inside, the role would take its name away. */}
      <span role="status" className="sr-only">
        {told}
      </span>
    </>
  );
}
