import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The gateway that `npm run dev` talks to.
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:3000";

type Modules = { getModuleInfo(id: string): { importedIds: readonly string[] } | null };
const source = (file: string) => fileURLToPath(new URL(`./src/${file}`, import.meta.url));
const barrel = /lucide-react[\\/].*[\\/]lucide-react\.mjs$/;
const icon = /lucide-react[\\/].*[\\/]icons[\\/]([^\\/]+)\.mjs$/;

/** The icons that a file of ours names. */
function iconsOf(file: string): string[] {
  const imports = readFileSync(file, "utf8").matchAll(/import \{([^}]*)\} from "lucide-react"/g);
  return [...imports].flatMap((m) => (m[1] ?? "").split(",")).map((n) => n.trim().replace(/ as .*/, ""));
}

/** The module of each icon by its names, of which some have several. */
function iconModules(barrel: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const [, names = "", module = ""] of readFileSync(barrel, "utf8").matchAll(
    /export \{([^}]*)\} from ['"]\.\/icons\/([^'"]+)\.mjs['"]/g,
  )) {
    for (const n of names.split(",")) out.set(n.replace(/.* as /, "").trim(), module);
  }
  return out;
}

/**
 * What the first page needs: all that the entry imports, directly or through
 * others, without waiting. Of the icons, which come from one module, only those
 * that these files name.
 */
let first: Set<string> | undefined;
function firstLoad(modules: Modules): Set<string> {
  if (first) return first;
  first = new Set();
  const icons = new Set(["pages/overview/overview.tsx", "pages/entry/sign-in.tsx"].map(source).flatMap(iconsOf));
  const next = [
    ...["main.tsx", "pages/entry/frame.tsx", "pages/entry/form.ts", "lib/passkey.ts"],
    ...["ui/form.tsx", "ui/data.tsx", "ui/range.ts", "pages/overview/bars.tsx"], // small, and of several pages
  ].map(source);
  let drawn: { of: Map<string, string>; modules: readonly string[] } | undefined;
  for (let id = next.pop(); id; id = next.pop()) {
    if (first.has(id)) continue;
    first.add(id);
    if (id.startsWith(source("")) && /\.tsx?$/.test(id)) for (const i of iconsOf(id)) icons.add(i);
    const imported = modules.getModuleInfo(id)?.importedIds ?? [];
    if (barrel.test(id)) drawn = { of: iconModules(id), modules: imported };
    else next.push(...imported);
  }
  const follow = (id: string) => {
    if (first?.has(id)) return;
    first?.add(id);
    for (const i of modules.getModuleInfo(id)?.importedIds ?? []) follow(i);
  };
  const shown = new Set([...icons].map((n) => drawn?.of.get(n)));
  for (const id of drawn?.modules ?? []) {
    const name = icon.exec(id)?.[1];
    if (!name || shown.has(name)) follow(id);
  }
  first.delete(source("main.tsx"));
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
            { name: "icons", test: icon, priority: 3 },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
