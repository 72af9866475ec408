// @vitest-environment jsdom
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const container = Object.assign(new EventTarget(), {
  controller: null,
  startMessages: () => undefined,
  register: () => Promise.resolve(),
  ready: Promise.resolve(),
});

describe("the sound of a run", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.resetModules();
    Object.defineProperty(navigator, "serviceWorker", { value: container, configurable: true });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    localStorage.clear();
  });

  it("answers the worker of an earlier visit where there is no key now", async () => {
    await import("./sound");
    const port = { postMessage: vi.fn() };
    container.dispatchEvent(Object.assign(new Event("message"), { data: "modellab.key", ports: [port] }));
    expect(port.postMessage).toHaveBeenCalledWith("");
  });

  it("is fetched whole where the worker never stands before the page", async () => {
    localStorage.setItem("modellab.key", "mlk_x");
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("sound")));
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: () => "blob:whole" }));
    const { soundAddress } = await import("./sound");
    const address = soundAddress("/a", () => undefined, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(1100);
    const none = new Promise((resolve) => setTimeout(() => resolve("nothing"), 5000));
    const first = Promise.race([address, none]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await first).toBe("blob:whole");
  });

  it("is asked for without a key where the page does not answer the worker", async () => {
    const listeners: Record<string, (event: unknown) => void> = {};
    const self = {
      addEventListener: (name: string, listener: (event: unknown) => void) => (listeners[name] = listener),
      location: { origin: "http://x" },
    };
    const fetch = vi.fn<(url: string, init: { headers: Headers }) => Promise<string>>(() => Promise.resolve("reply"));
    const clients = { get: () => Promise.resolve({ postMessage: () => undefined }) };
    new Function("self", "clients", "fetch", readFileSync("public/sound_worker.js", "utf8"))(self, clients, fetch);
    const respondWith = vi.fn();
    const request = {
      method: "GET",
      destination: "audio",
      url: `http://x/api/v1/runs/${"0".repeat(26)}/audio`,
      headers: {},
    };
    listeners["fetch"]?.({ request, clientId: "1", respondWith });
    await vi.advanceTimersByTimeAsync(1100);
    expect(fetch).toHaveBeenCalledOnce();
    expect(fetch.mock.calls[0]?.[1].headers.has("Authorization")).toBe(false);
  });
});
