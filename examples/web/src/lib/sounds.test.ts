// @vitest-environment jsdom
import { afterEach, expect, it, vi } from "vitest";
import { dropSound } from "./sounds";

afterEach(() => vi.unstubAllGlobals());

it("the database is opened once, and again where that failed", async () => {
  const transaction = vi.fn(() => {
    throw new Error("opened");
  });
  let works = false;
  const open = vi.fn(() => {
    const request: Record<string, unknown> = { result: { transaction }, error: new Error("closed") };
    queueMicrotask(() => (request[works ? "onsuccess" : "onerror"] as () => void)());
    return request;
  });
  vi.stubGlobal("indexedDB", { open });
  await expect(dropSound()).rejects.toThrow("closed");
  works = true;
  await expect(dropSound()).rejects.toThrow("opened");
  await expect(dropSound()).rejects.toThrow("opened");
  expect(open).toHaveBeenCalledTimes(2);
});
