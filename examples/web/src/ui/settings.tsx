/* Dialogs of the frame: look and key, the keyboard's shortcuts, and the key that the server asks for in the middle of work. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { getKey, setKey, stopAsking, useWantedKey } from "../api/key";
import { $api, problemOf } from "../api/client";
import { applyTheme, getTheme, type Theme } from "../lib/theme";
import { Button, Field, inputLook } from "./controls";
import { Dialog } from "./dialog";
import { shortcuts } from "./shortcuts";

/* Keeps a key that the server knows; `onDone` when it does. */
function KeyForm({ onDone, now }: { onDone: () => void; now: string }) {
  const [key, change] = useState(now);
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const queries = useQueryClient();
  const use = async () => {
    setBusy(true);
    try {
      const wanted = key.trim();
      const headers: HeadersInit = wanted === "" ? {} : { Authorization: `Bearer ${wanted}` };
      const reply = await fetch("/api/v1/runs?limit=1", { headers });
      // 403: known, but it may not read runs. That is told where it matters. Any other refusal says nothing of the key.
      if (!reply.ok && reply.status !== 403) {
        setWrong((await problemOf(reply)).message);
        return;
      }
      setKey(wanted);
      await queries.invalidateQueries();
      onDone();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      setWrong("The server cannot be reached.");
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        void use();
      }}
    >
      <Field
        label="API key"
        hint="Kept in this browser. Leave it empty where the server asks for none."
        wrong={wrong === null ? [] : [wrong]}
      >
        <input
          className={`${inputLook} font-mono`}
          type="password"
          autoComplete="off"
          placeholder="mlk_…"
          value={key}
          onChange={(event) => change(event.target.value)}
        />
      </Field>
      <Button primary type="submit" disabled={busy}>
        Use this key
      </Button>
    </form>
  );
}

interface Props {
  open: boolean;
  onClose: () => void;
}

function Server() {
  const info = $api.useQuery("get", "/api/v1/info", {});
  if (info.data === undefined) return null;
  const { version, keys, user, scopes } = info.data;
  return (
    <p className="text-sm text-soft">
      Model Lab {version}, {info.data.cpu_count} cores, {info.data.isa}.{" "}
      {keys
        ? `Keys are needed; yours is of ${user ?? "nobody in particular"} (${(scopes ?? []).join(", ")}).`
        : "No key is needed."}
    </p>
  );
}

export function Settings({ open, onClose }: Props) {
  const [theme, choose] = useState<Theme>(getTheme());
  return (
    <Dialog title="Settings" open={open} onClose={onClose}>
      <div className="space-y-4">
        <Field label="Look">
          <select
            className={inputLook}
            value={theme}
            onChange={(event) => {
              const chosen = event.target.value as Theme;
              choose(chosen);
              applyTheme(chosen);
            }}
          >
            <option value="system">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </Field>
        <KeyForm now={getKey()} onDone={onClose} />
        <Server />
      </div>
    </Dialog>
  );
}

/* The server does not know the key (any more): nothing of the page is lost, it goes on with another one. */
export function KeyDialog() {
  const why = useWantedKey();
  return (
    <Dialog title="The server asks for a key" open={why !== null} onClose={stopAsking}>
      <p className="mb-3 first-letter:uppercase">{why}</p>
      <p className="mb-3 text-soft">The page stays as it is, and goes on once there is a key.</p>
      <KeyForm now="" onDone={stopAsking} />
    </Dialog>
  );
}

const names: Record<string, string> = { " ": "Space", ArrowLeft: "←", ArrowRight: "→" };

export function Help({ open, onClose }: Props) {
  return (
    <Dialog title="Keyboard shortcuts" open={open} onClose={onClose}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-6 gap-y-2">
        {open &&
          shortcuts().map(({ keys, text }) => (
            <div key={keys} className="contents">
              <dt className="flex gap-1">
                {(keys === " " ? [keys] : keys.split(" ")).map((one) => (
                  <kbd key={one} className="min-w-7 rounded border border-line bg-page px-1.5 text-center font-mono">
                    {names[one] ?? one}
                  </kbd>
                ))}
              </dt>
              <dd>{keys.startsWith("g ") ? `Go to ${text}` : text}</dd>
            </div>
          ))}
      </dl>
      <p className="mt-3 text-sm text-soft">
        Tab moves on, Enter opens, Escape closes. Nothing happens while you type.
      </p>
    </Dialog>
  );
}
