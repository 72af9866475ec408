/* The frame of every page: navigation, theme, key, what is wrong with the connection. */
import { useState } from "react";
import { NavLink, Outlet } from "react-router";
import { getKey, setKey } from "../api/client";
import { useReachable } from "../lib/online";
import { applyTheme, getTheme, type Theme } from "../lib/theme";
import { Button, Field, inputLook } from "./controls";

const places: [string, string][] = [
  ["/runs", "Runs"],
  ["/queue", "Queue"],
  ["/new", "New run"],
  ["/speak", "Speak"],
  ["/experiments", "Experiments"],
  ["/models", "Models"],
  ["/health", "Health"],
  ["/metrics", "Metrics"],
];

function Settings() {
  const [key, change] = useState(getKey());
  const [theme, choose] = useState<Theme>(getTheme());
  return (
    <details className="relative">
      <summary className="cursor-pointer list-none rounded-md border border-line px-3 py-1.5">Settings</summary>
      <form
        className="absolute right-0 z-10 mt-1 w-72 space-y-3 rounded-lg border border-line bg-card p-4 shadow-lg"
        onSubmit={(event) => {
          event.preventDefault();
          setKey(key.trim());
          location.reload();
        }}
      >
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
        <Field label="API key" hint="Kept in this browser. Leave it empty where the server asks for none.">
          <input
            className={inputLook}
            type="password"
            autoComplete="off"
            value={key}
            onChange={(event) => change(event.target.value)}
          />
        </Field>
        <Button primary type="submit">
          Use this key
        </Button>
      </form>
    </details>
  );
}

export function Shell() {
  const reachable = useReachable();
  return (
    <>
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-card focus:p-2">
        Skip to the content
      </a>
      <header className="border-b border-line bg-card">
        <div className="mx-auto flex max-w-7xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-2">
          <span className="text-lg font-bold text-accent">Model Lab</span>
          <nav aria-label="Pages" className="order-3 -mx-1 flex w-full gap-1 overflow-x-auto md:order-none md:w-auto">
            {places.map(([path, name]) => (
              <NavLink
                key={path}
                to={path}
                className={({ isActive }) =>
                  `rounded-md px-2 py-1 whitespace-nowrap ${isActive ? "bg-accent text-accent-ink" : "hover:bg-page"}`
                }
              >
                {name}
              </NavLink>
            ))}
          </nav>
          <div className="ml-auto">
            <Settings />
          </div>
        </div>
      </header>
      {!reachable && (
        <p role="alert" className="bg-warn px-4 py-2 text-center font-medium text-card">
          The server cannot be reached. What you see may be old; it goes on by itself.
        </p>
      )}
      <main id="content" className="mx-auto max-w-7xl space-y-4 px-4 py-4">
        <Outlet />
      </main>
    </>
  );
}
