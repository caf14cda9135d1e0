/** Moving about a map by moving the picture that stands: such a frame costs a copy, not a drawing. Drawn anew at rest.
 *
 * Without a graphics card a drawing of a 4K map takes longer than a frame may; a page that draws while it zooms stands.
 */

import type { Coordinate } from "ol/coordinate";
import OlMap from "ol/Map";

/** A map that draws itself only so often that the rest of the page keeps its frames. */
export class StillMap extends OlMap {
  /** While somebody moves the picture that stands nothing is drawn. */
  held = false;
  private free = 0;
  private waiting: ReturnType<typeof setTimeout> | undefined;

  private paced = false;

  /** From now on leave time to others: to be called when all that is shown first stands there. */
  pace(): void {
    if (this.paced) return;
    this.paced = true;
    let began = 0;
    this.on("precompose", () => (began = performance.now()));
    // What was asked of a canvas is painted after the script; the next frame knows what it cost.
    this.on("postrender", () =>
      requestAnimationFrame(() => {
        const now = performance.now();
        this.free = now + Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, PAUSES * (now - began)));
      }),
    );
  }

  override render(): void {
    if (this.held) return;
    const wait = this.free - performance.now();
    if (!(wait > 0)) return super.render();
    this.waiting ??= setTimeout(() => {
      this.waiting = undefined;
      this.render();
    }, wait);
  }

  override disposeInternal(): void {
    clearTimeout(this.waiting);
    super.disposeInternal();
  }
}

/** So many times what one drawing took is left to the rest of the page after it. */
const PAUSES = 3;
const SHORTEST_PAUSE_MS = 30;
const LONGEST_PAUSE_MS = 400;
const GLIDE_MS = 200;
/** A finger that rests so long is done. */
const REST_MS = 160;
/** A hand that keeps dragging sees what comes in this often. */
const DRAWN_MS = 300;
const DRAG_PX = 3;
const WHEEL_PER_ZOOM = 300;

interface Goal {
  center: Coordinate;
  resolution: number;
}

/** Wheel, double click and dragging for a map, and going to a place. */
export class Glide {
  private goal: Goal | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private held: { id: number; at: number[]; far: boolean } | null = null;
  private readonly layers: HTMLElement;
  private readonly ends = new AbortController();

  constructor(private readonly map: StillMap) {
    const place = map.getViewport()!;
    this.layers = place.querySelector<HTMLElement>(".ol-layers")!;
    this.layers.style.willChange = "transform";
    const { signal } = this.ends;
    place.addEventListener("wheel", (event) => this.wheel(event), { passive: false, signal });
    place.addEventListener("dblclick", (event) => this.zoom(event.shiftKey ? -1 : 1, map.getEventPixel(event)), { signal });
    place.addEventListener("pointerdown", (event) => this.take(event), { signal });
    place.addEventListener("pointermove", (event) => this.drag(event), { signal });
    for (const end of ["pointerup", "pointercancel"] as const) place.addEventListener(end, () => this.drop(), { signal });
  }

  stop(): void {
    this.ends.abort();
    clearTimeout(this.timer);
  }

  /** Nearer by so many zooms (a doubling each), around a point of the picture; its middle when none is said. */
  zoom(by: number, pixel?: number[]): void {
    const goal = this.aim();
    if (!goal) return;
    const view = this.map.getView();
    const [w = 0, h = 0] = this.map.getSize() ?? [];
    const [dx, dy] = pixel ? [pixel[0]! - w / 2, h / 2 - pixel[1]!] : [0, 0];
    const resolution = Math.min(view.getMaxResolution(), Math.max(view.getMinResolution(), goal.resolution / 2 ** by));
    const [x = 0, y = 0] = goal.center;
    const change = goal.resolution - resolution;
    this.move({ center: [x + dx * change, y + dy * change], resolution }, GLIDE_MS);
    this.rest(Math.max(REST_MS, GLIDE_MS));
  }

  /** Go to a place: gliding where that is near enough for the picture that stands, else at once. */
  to(goal: Goal): void {
    const from = this.aim();
    const [w = 0, h = 0] = this.map.getSize() ?? [];
    if (!from) return this.jump(goal);
    const [dx = 0, dy = 0] = [0, 1].map((n) => Math.abs(from.center[n]! - goal.center[n]!) / goal.resolution);
    const far = Math.abs(Math.log2(from.resolution / goal.resolution)) > 3 || dx > 2 * w || dy > 2 * h;
    if (far) return this.jump(goal);
    this.move(goal, 2 * GLIDE_MS);
    this.rest(2 * GLIDE_MS);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 40 : 1;
    this.zoom(Math.min(1, Math.max(-1, (-event.deltaY * unit) / WHEEL_PER_ZOOM)), this.map.getEventPixel(event));
  }

  private take(event: PointerEvent): void {
    this.settle(); // what is pointed at is where it will be drawn
    if (event.button === 0 && event.isPrimary) this.held = { id: event.pointerId, at: this.map.getEventPixel(event), far: false };
  }

  private drag(event: PointerEvent): void {
    const hand = this.held;
    if (!hand || event.pointerId !== hand.id) return;
    const now = this.map.getEventPixel(event);
    const [dx, dy] = [now[0]! - hand.at[0]!, now[1]! - hand.at[1]!];
    if (!hand.far && Math.hypot(dx, dy) < DRAG_PX) return;
    const goal = this.aim();
    if (!goal) return;
    hand.far = true;
    hand.at = now;
    const [x = 0, y = 0] = goal.center;
    this.move({ center: [x - dx * goal.resolution, y + dy * goal.resolution], resolution: goal.resolution }, 0);
    this.timer ??= setTimeout(() => this.settle(), DRAWN_MS);
  }

  private drop(): void {
    const moved = this.held?.far;
    this.held = null;
    if (moved) this.settle();
  }

  /** Where the map is going, or stands; null before it knows either. */
  private aim(): Goal | null {
    if (this.goal) return this.goal;
    const view = this.map.getView();
    const [center, resolution] = [view.getCenter(), view.getResolution()];
    return center && resolution && this.map.getSize() ? { center, resolution } : null;
  }

  /** Move the picture as it was drawn to where it would be. */
  private move(goal: Goal, ms: number): void {
    this.goal = goal;
    this.map.held = true;
    const view = this.map.getView();
    const [x = 0, y = 0] = view.getCenter() ?? [];
    const [right, down] = [(x - goal.center[0]!) / goal.resolution, (goal.center[1]! - y) / goal.resolution];
    const scale = (view.getResolution() ?? goal.resolution) / goal.resolution;
    this.layers.style.transition = ms ? `transform ${ms}ms ease-out` : "none";
    this.layers.style.transform = `translate(${right}px, ${down}px) scale(${scale})`;
  }

  private rest(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), ms);
  }

  /** The picture is drawn where it was moved to. */
  private settle(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.goal) this.jump(this.goal);
  }

  private jump(goal: Goal): void {
    this.goal = null;
    this.map.held = false;
    const view = this.map.getView();
    view.setCenter(goal.center);
    view.setResolution(goal.resolution);
    this.layers.style.transition = "none";
    this.layers.style.transform = "none";
    this.map.renderSync();
  }
}
