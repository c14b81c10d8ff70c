import { defineConfig } from "vitest/config";

// The browser tests: each file starts its own gateway, so two at a time are enough.
export default defineConfig({
  test: {
    include: process.env.SHOTS ? ["e2e/shots.ts"] : ["e2e/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
