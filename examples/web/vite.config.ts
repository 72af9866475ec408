/* How the client is built: `npm run dev` talks to a server on the default port, or on that of WEB_SERVER. */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.WEB_SERVER ?? "http://127.0.0.1:8642";
const proxy = { target: server, ws: true };

export default defineConfig({
  plugins: [react(), tailwindcss()],
  // The server lets pages load scripts from files alone: nothing is put inline.
  build: { assetsInlineLimit: 0, outDir: "dist", emptyOutDir: true, target: "es2022", sourcemap: false },
  server: { proxy: { "/api": proxy, "/v1": proxy, "/livez": proxy, "/readyz": proxy, "/metrics": proxy } },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
