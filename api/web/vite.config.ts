// How the three pages are built: addresses relative, so that any path prefix works; nothing inline, so that the
// strictest Content-Security-Policy holds; names hashed, so that what was fetched once is kept for ever.
import vue from "@vitejs/plugin-vue";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

/** What OpenLayers brings and we do not use, with what stands in its place: an interpreter for styles written as JSON
 * (ours are code), buttons and gestures (ours move the picture that stands). Together 16 kB over the wire.
 */
const UNUSED: Record<string, string> = {
  "/render/canvas/style.js": 'export function flatStyleLikeToStyleFunction() { throw new Error("styles are code here"); }',
  "/control/defaults.js": 'export function defaults() { throw new Error("name the controls"); }',
  "/interaction/defaults.js": 'export function defaults() { throw new Error("name the interactions"); }',
};
const unused: Plugin = {
  name: "without-what-we-do-not-use",
  enforce: "pre",
  resolveId(asked, by) {
    const found = by?.includes("/ol/") ? Object.keys(UNUSED).find((end) => asked.endsWith(end)) : undefined;
    return found ? `\0unused${found}` : null;
  },
  load(id) {
    return id.startsWith("\0unused") ? UNUSED[id.slice("\0unused".length)] : null;
  },
};

export default defineConfig({
  base: "./",
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  plugins: [unused, vue()],
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
