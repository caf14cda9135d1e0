// How the three pages are built: addresses relative, so that any path prefix works; nothing inline, so that the
// strictest Content-Security-Policy holds; names hashed, so that what was fetched once is kept for ever.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

export default defineConfig({
  base: "./",
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  plugins: [vue()],
  resolve: { alias: { "@": here("./src") } },
  build: {
    target: ["chrome90", "safari14"],
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000, // the wall: map and charts in one file, 300 kB over the wire
    rollupOptions: {
      input: { wall: here("./wall/index.html"), desk: here("./desk/index.html"), field: here("./field/index.html") },
    },
  },
});
