/** A canvas of fixed size on a window of any: what the splicer is fed is laid out once, then scaled as a whole. */

import { computed, onMounted, onUnmounted, reactive, type ComputedRef } from "vue";

export type Fit = "contain" | "fill" | "stretch";

export interface Scaled {
  /** The canvas, in its own units. */
  w: number;
  h: number;
  /** Layout units to canvas units, and letters: the smaller of the two. */
  kx: number;
  ky: number;
  k: number;
  /** Canvas units to the window's pixels. */
  sx: number;
  sy: number;
  left: number;
  top: number;
}

/** How a canvas lies in a window: whole (contain), covering (fill), or pulled to its shape (stretch). */
export function scaled(canvas: { w: number; h: number }, wanted: { w: number; h: number }, window: { w: number; h: number }, fit: Fit): Scaled {
  const [w, h] = [wanted.w, wanted.h];
  const [kx, ky] = [w / canvas.w, h / canvas.h];
  let [sx, sy] = [window.w / w, window.h / h];
  if (fit !== "stretch") sx = sy = fit === "contain" ? Math.min(sx, sy) : Math.max(sx, sy);
  return { w, h, kx, ky, k: Math.min(kx, ky), sx, sy, left: (window.w - w * sx) / 2, top: (window.h - h * sy) / 2 };
}

/** The same, following the window. */
export function useCanvas(canvas: () => { w: number; h: number }, query: URLSearchParams): ComputedRef<Scaled> {
  const size = reactive({ w: window.innerWidth, h: window.innerHeight });
  const resized = () => Object.assign(size, { w: window.innerWidth, h: window.innerHeight });
  onMounted(() => window.addEventListener("resize", resized));
  onUnmounted(() => window.removeEventListener("resize", resized));
  const asked = query.get("fit");
  const fit: Fit = asked === "fill" || asked === "stretch" ? asked : "contain";
  const side = (name: string, otherwise: number) => {
    const given = Number(query.get(name));
    return given >= 320 && given <= 20000 ? given : otherwise;
  };
  return computed(() => scaled(canvas(), { w: side("w", canvas().w), h: side("h", canvas().h) }, size, fit));
}
