/** How the tests run. It stands apart: a build has Vite alone. */
import { defineConfig, mergeConfig } from "vitest/config";
import page from "./vite.config.ts";

export default mergeConfig(
  page,
  defineConfig({ test: { include: ["test/**/*.test.{ts,tsx}", "client/test/**/*.test.ts"] } }),
);
