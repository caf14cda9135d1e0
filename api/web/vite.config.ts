// How the three pages are built: addresses relative, so that any path prefix works; nothing inline, so that the
// strictest Content-Security-Policy holds; names hashed, so that what was fetched once is kept for ever.
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** OpenLayers carries an interpreter for styles written as JSON, 10 kB over the wire; ours are code. */
const withoutFlatStyles: Plugin = {
  name: "without-flat-styles",
  enforce: "pre",
  resolveId(asked, by) {
    return asked.endsWith("/render/canvas/style.js") && by?.includes("/ol/") ? "\0no-flat-styles" : null;
  },
  load(id) {
    return id === "\0no-flat-styles" ? 'export function flatStyleLikeToStyleFunction() { throw new Error("styles are code here"); }' : null;
  },
};

export default defineConfig({
  base: "./",
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  plugins: [withoutFlatStyles, vue()],
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
