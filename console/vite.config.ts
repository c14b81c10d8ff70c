import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The gateway that `npm run dev` talks to.
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:3000";

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
            {
              name: "base",
              test: (id) =>
                /rolldown.runtime|preload-helper/.test(id) ||
                (id.includes("node_modules")
                  ? !/[\\/]node_modules[\\/](cmdk|qrcode|zod|react-hook-form|@hookform|uplot|@tanstack[\\/](react-table|table-core))/.test(
                      id,
                    )
                  : /[\\/]src[\\/](router|ui[\\/](brand|button|data|feedback|form|overlay)|lib[\\/](?!form\.)|api[\\/]|i18n[\\/]index|layout[\\/](session|nav|outcomes|shell)|pages[\\/]entry[\\/](frame|form))/.test(
                      id,
                    )),
              priority: 5,
            },
            { name: "chart", test: /node_modules[\\/]uplot[\\/]/, priority: 3 },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
