/** Builds the console into the package, where the sidecar finds it; every file but index.html is named after its content. */

import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../hitl_stream/console",
    emptyOutDir: true,
    target: "es2023",
    sourcemap: false,
    // A data: URL would need a hole in the policy that lets nothing in but our own files.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700, // before it is compressed; what counts is in tests/console/test_speed.py
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" },
  },
  worker: { format: "es" },
  // In a worker there is no document, by which the browser's variant of this knows what &eacute; is.
  resolve: { alias: { "decode-named-character-reference": fileURLToPath(new URL("node_modules/decode-named-character-reference/index.js", import.meta.url)) } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
