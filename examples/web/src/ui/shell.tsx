/* The frame of every page: navigation, theme, key, keys of the keyboard, what is wrong with the connection. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { NavLink, Outlet, useLocation, useNavigate } from "react-router";
import { useReachable } from "../lib/online";
import { Button } from "./controls";
import { Help, KeyDialog, Settings } from "./settings";
import { useShortcuts } from "./shortcuts";

const places: [string, string, string][] = [
  ["/runs", "Runs", "r"],
  ["/queue", "Queue", "q"],
  ["/new", "New run", "n"],
  ["/live", "Live", "l"],
  ["/speak", "Speak", "s"],
  ["/experiments", "Experiments", "e"],
  ["/models", "Models", "m"],
  ["/health", "Health", "h"],
  ["/metrics", "Metrics", "t"],
];

/* The server went away and came back: everything is asked again, and it is told for some seconds. */
function Connection() {
  const { reachable, backAt } = useReachable();
  const [told, setTold] = useState<number | null>(null);
  const queries = useQueryClient();
  useEffect(() => {
    if (backAt === null) return;
    void queries.invalidateQueries();
    const timer = setTimeout(() => setTold(backAt), 8_000);
    return () => clearTimeout(timer);
  }, [backAt, queries]);
  if (!reachable)
    return (
      <p role="alert" className="sticky top-0 z-10 bg-warn px-4 py-2 text-center font-medium text-card">
        The server cannot be reached. What you see may be old; it goes on by itself.
      </p>
    );
  if (backAt === null || told === backAt) return null;
  return (
    <p role="status" className="sticky top-0 z-10 bg-good px-4 py-2 text-center font-medium text-card">
      The server is back. What you see is asked for anew.
    </p>
  );
}

export function Shell() {
  const [help, setHelp] = useState(false);
  const [settings, setSettings] = useState(false);
  const go = useNavigate();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const place = places.find(([path]) => pathname === path || pathname.startsWith(`${path}/`));
  const before = useRef(pathname);
  useEffect(() => {
    document.title = place === undefined ? "Model Lab" : `${place[1]} · Model Lab`;
  }, [place]);
  useEffect(() => {
    // Who moves by links hears and tabs on from the new page, not from the link.
    if (before.current !== pathname) main.current?.focus({ preventScroll: true });
    before.current = pathname;
  }, [pathname]);
  useShortcuts([
    { keys: "?", text: "These shortcuts", run: () => setHelp(true) },
    {
      keys: "/",
      text: "Find on this page",
      run: () => document.querySelector<HTMLInputElement>("main input[type=search]")?.focus(),
    },
    ...places.map(([path, name, letter]) => ({ keys: `g ${letter}`, text: name, run: () => void go(path) })),
  ]);
  return (
    <>
      <button
        type="button"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-card focus:p-2"
        onClick={() => main.current?.focus()}
      >
        Skip to the content
      </button>
      <header className="border-b border-line bg-card">
        <div className="mx-auto flex max-w-7xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-2">
          <span className="text-lg font-bold text-accent">Model Lab</span>
          <nav aria-label="Pages" className="order-3 -mx-1 flex w-full gap-1 overflow-x-auto lg:order-none lg:w-auto">
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
          <div className="ml-auto flex gap-2">
            <Button aria-label="Keyboard shortcuts" onClick={() => setHelp(true)}>
              ?
            </Button>
            <Button onClick={() => setSettings(true)}>Settings</Button>
          </div>
        </div>
      </header>
      <Connection />
      <main
        id="content"
        ref={main}
        tabIndex={-1}
        className="mx-auto max-w-7xl space-y-4 px-4 py-4 focus-visible:outline-none"
      >
        <Outlet />
      </main>
      <Settings open={settings} onClose={() => setSettings(false)} />
      <Help open={help} onClose={() => setHelp(false)} />
      <KeyDialog />
    </>
  );
}
