/** One incident with all that decides, each part read by itself: what cannot be read says so and takes nothing else along. */

import { onUnmounted, reactive, ref, watch, type Ref } from "vue";
import { get, Refusal } from "@/client/ask";
import type { components } from "@/client/openapi";
import type { Incident } from "@/client/wire";
import type { MoveShown, Whole } from "./act";
import type { DeskWord } from "./words";

type Schemas = components["schemas"];
export type Photo = Schemas["IncidentPhoto"];
export type Line = Schemas["HistoryLine"];
export type Duty = Schemas["DutyShown"];
export type Series = Schemas["Series"];

/** An event behind an incident, as its explanation tells it. */
export interface Behind {
  source: string;
  id: string;
  origin: string;
  kind: string;
  at: string;
  outcome: string;
  why: string;
  /** How sure a detector was; null of whatever is no detection. */
  score: number | null;
  pictures: number;
  /** Pictures it named in vain; it was kept all the same. */
  pictures_left_out: { media: string; reason: string }[];
}

export interface Segment {
  from: string;
  to: string;
  counted: boolean;
  why: string;
  used: number;
  used_s: number;
}

export interface Clock {
  kind: string;
  zh: string;
  state: string;
  limit_zh: string;
  limit_en: string;
  extended: number;
  began_at: string;
  due_at: string | null;
  provisional: boolean;
  overdue: boolean;
  used_s: number;
  segments: Segment[];
}

export interface Explanation {
  opened: { why?: string; rule?: string | null; saw?: Record<string, unknown> } | null;
  cell: { code: string | null; why?: string };
  category: { key: string; condition: string | null };
  department: {
    code: string | null;
    route?: string | null;
    route_department?: string | null;
    route_department_name?: string | null;
    why?: string;
    tried?: string[];
    next?: { route: string | null; department: string; name: string } | null;
    edition?: number;
  };
  deadline: { due_at: string | null; limit_zh: string | null };
  clocks: Clock[];
  task?: { kind: string; inspector: string | null; why: string };
  events: Behind[];
}

export interface Curve {
  device: string;
  metric: string;
  series: Series;
  raise: number | null;
  clear: number | null;
  at: number;
}

export interface One {
  number: string;
  whole: Whole | null;
  /** null: not known yet. */
  moves: MoveShown[] | null;
  explanation: Explanation | null;
  history: Line[];
  photos: Photo[];
  similar: Incident[];
  duty: Duty[];
  curve: Curve | null;
  /** What could not be read, and whether it is forbidden. */
  missing: { part: DeskWord; forbidden: boolean }[];
}

const SETTLE_MS = 120;
const HALF_HOUR = 1_800_000;
const NEAR_DEGREES = 0.01;

/** All about the incident whose number is chosen; read again when `learn` is told of a newer version. */
export function useOne(number: Ref<string | null>) {
  const one = ref<One | null>(null);
  const lost = ref<Refusal | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  let stop = new AbortController();

  function fresh(of: string): One {
    return { number: of, whole: null, moves: null, explanation: null, history: [], photos: [], similar: [], duty: [], curve: null, missing: [] };
  }

  async function read(of: string): Promise<void> {
    const now = ++turn;
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const again = one.value?.number === of;
    const found = again ? one.value! : reactive(fresh(of));
    if (!again) one.value = found;
    const current = () => now === turn;
    const part = async (name: DeskWord, ask: () => Promise<void>) => {
      try {
        await ask();
        if (current()) found.missing = found.missing.filter((one) => one.part !== name);
      } catch (fault) {
        if (!(fault instanceof Refusal)) {
          if (fault instanceof DOMException && fault.name === "AbortError") return;
          throw fault;
        }
        const rest = found.missing.filter((one) => one.part !== name);
        if (current()) found.missing = [...rest, { part: name, forbidden: fault.status === 403 }];
      }
    };
    const place = { number: of };
    const set = <K extends keyof One>(key: K, value: One[K]) => {
      if (current()) found[key] = value;
    };
    try {
      const whole = await get("/api/v1/incidents/{number}", undefined, place, signal);
      set("whole", whole);
      if (current()) lost.value = null;
    } catch (fault) {
      if (!(fault instanceof Refusal)) {
        if (fault instanceof DOMException) return;
        throw fault;
      }
      if (current()) lost.value = fault;
      if (current() && (fault.status === 0 || fault.status >= 500)) timer = setTimeout(() => void read(of), 2_000);
      return;
    }
    await Promise.all([
      part("moves", async () => set("moves", (await get("/api/v1/incidents/{number}/moves", undefined, place, signal)).moves)),
      part("timeline", async () => set("history", await get("/api/v1/incidents/{number}/history", undefined, place, signal))),
      part("why_department", async () => {
        set("explanation", (await get("/api/v1/incidents/{number}/explanation", undefined, place, signal)) as Explanation);
        if (current()) void part("curve", async () => set("curve", await curve(found, signal)));
      }),
      part("photos", async () => set("photos", await get("/api/v1/incidents/{number}/media", undefined, place, signal))),
      part("nearby", async () => set("similar", await similar(found.whole!, signal))),
      part("on_duty", async () => set("duty", await onDuty(found.whole!, signal))),
    ]);
  }

  watch(
    number,
    (now) => {
      clearTimeout(timer);
      turn += 1;
      stop.abort();
      if (now === null) one.value = null;
      else timer = setTimeout(() => void read(now), SETTLE_MS);
    },
    { immediate: true },
  );
  onUnmounted(() => {
    clearTimeout(timer);
    stop.abort();
    turn += 1;
  });

  return {
    one,
    lost,
    again: () => number.value !== null && void read(number.value),
    /** A newer version is known of: read what is shown again, a little later, once for many. */
    stale(version: number) {
      const shown = one.value?.whole;
      if (number.value === null || !shown || shown.version >= version) return;
      clearTimeout(timer);
      timer = setTimeout(() => number.value !== null && void read(number.value), SETTLE_MS);
    },
  };
}

async function similar(whole: Whole, signal: AbortSignal): Promise<Incident[]> {
  if (whole.lon === null || whole.lat === null) return [];
  const box = [whole.lon - NEAR_DEGREES, whole.lat - NEAR_DEGREES, whole.lon + NEAR_DEGREES, whole.lat + NEAR_DEGREES].map((one) => one.toFixed(5));
  const page = await get("/api/v1/incidents", { bbox: box.join(","), category: [whole.category], sort: "burning", limit: 20 }, undefined, signal);
  return page.items.filter((other) => other.number !== whole.number).sort((a, b) => metres(whole, a) - metres(whole, b));
}

/** Metres between two places, good enough for a neighbourhood. */
export function metres(a: Pick<Incident, "lon" | "lat">, b: Pick<Incident, "lon" | "lat">): number {
  if (a.lon === null || a.lat === null || b.lon === null || b.lat === null) return Infinity;
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  const y = (b.lat - a.lat) * rad;
  return Math.hypot(x, y) * 6_371_000;
}

/** Whether a department's crew has to do with the incident: all others are on duty, too, and nobody asks for them here. */
const concerned = (one: Duty, whole: Whole) => one.department === whole.department || whole.assisting.includes(one.department ?? "");
/** Whose the cell is, then who goes out, then the crew that has it, then the desk. */
const rank = (one: Duty, whole: Whole) => (whole.cell !== null && one.responsible.includes(whole.cell) ? 0 : one.role === "inspector" ? 1 : one.role === "department" ? 2 : 3);
const away = (one: Duty, whole: Whole) => (one.position && whole.lon !== null ? Math.min(metres(whole, one.position), 1e9) : 1e9);

async function onDuty(whole: Whole, signal: AbortSignal): Promise<Duty[]> {
  const area = whole.cell?.slice(0, 12);
  const { items } = await get("/api/v1/duty", area ? { area } : {}, undefined, signal);
  return items.filter((one) => one.role !== "department" || concerned(one, whole)).sort((a, b) => rank(a, whole) - rank(b, whole) || away(a, whole) - away(b, whole));
}

/** The series of the device an incident is of, around the moment its rule spoke. */
async function curve(one: One, signal: AbortSignal): Promise<Curve | null> {
  const saw = (one.explanation?.opened?.saw ?? {}) as { at?: number; parameters?: Record<string, unknown> };
  // A subject of a rule's incident is `device:<code>/rule:<code>`.
  const device = /^device:(.+)\/rule:[^/]*$/.exec(one.whole?.subject ?? "")?.[1];
  const parameters = saw.parameters ?? {};
  const metric = parameters.metric;
  if (!device || typeof metric !== "string") return null;
  const at = typeof saw.at === "number" ? saw.at : Date.parse(one.whole!.first_event_at);
  const span = { metric, from: new Date(at - HALF_HOUR).toISOString(), to: new Date(at + HALF_HOUR).toISOString() };
  // As the values came: a mean over some seconds would hide the very peak that the rule saw.
  const raw = await get("/api/v1/devices/{device}/readings", { ...span, every: "raw" }, { device }, signal);
  const series = raw.truncated ? await get("/api/v1/devices/{device}/readings", span, { device }, signal) : raw;
  const number = (value: unknown) => (typeof value === "number" ? value : null);
  return { device, metric, series, raise: number(parameters.raise), clear: number(parameters.clear), at };
}
