import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The gateway that `npm run dev` talks to.
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:3000";

/** What the first page needs: all that the entry imports, directly or through others, without waiting. */
type Modules = { getModuleInfo(id: string): { importedIds: readonly string[] } | null };
let first: Set<string> | undefined;
function firstLoad(modules: Modules): Set<string> {
  if (first) return first;
  first = new Set();
  const next = ["main.tsx", "pages/entry/frame.tsx", "pages/entry/form.ts"].map((f) =>
    fileURLToPath(new URL(`./src/${f}`, import.meta.url)),
  );
  for (let id = next.pop(); id; id = next.pop()) {
    if (first.has(id)) continue;
    first.add(id);
    next.push(...(modules.getModuleInfo(id)?.importedIds ?? []));
  }
  first.delete(fileURLToPath(new URL("./src/main.tsx", import.meta.url)));
  return first;
}

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { proxy: { "/api": gateway, "/kling": gateway, "/v1": gateway, "/healthz": gateway } },
  build: {
    outDir: "../internal/web/dist",
    emptyOutDir: false, // scripts/pack.mjs clears it, but for the .gitkeep that Go's embed needs
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // Few chunks: the entry with what every page needs, what lists and forms need, and each page.
        advancedChunks: {
          includeDependenciesRecursively: false,
          groups: [
            {
              name: "forms",
              test: /node_modules[\\/](zod|react-hook-form|@hookform)[\\/]|[\\/]src[\\/](lib[\\/]form|ui[\\/]inputs)/,
              priority: 3,
            },
            {
              name: "lists",
              test: /node_modules[\\/]@tanstack[\\/](react-table|table-core)[\\/]|[\\/]src[\\/]ui[\\/](table|filter)/,
              priority: 3,
            },
            { name: (id, modules) => (firstLoad(modules).has(id) ? "base" : null), priority: 5 },
            { name: "chart", test: /node_modules[\\/]uplot[\\/]/, priority: 3 },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
