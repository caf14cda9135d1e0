/** How old what we show is, and what is broken when it stops growing: asked of the server, counted on our own clock.
 *
 * The server tells the age of its newest data with every figure; between two answers we add the time that passed, by a
 * clock that nobody can set. So the age is right on a wall whose clock is wrong, and grows when nobody answers.
 */

import { computed, reactive, ref } from "vue";
import { address } from "@/client/address";
import { get, Refusal } from "@/client/ask";
import { person } from "@/session/session";
import type { Line } from "@/client/stream";

export type Trouble = "server" | "database" | "broker" | "workers" | "refused" | "denied" | "stale";

const ASK_MS = 2_000;
const ANSWER_MS = 6_000;
/** How long the server may be silent before we say so: one question and its answer. */
const SILENT_S = 5;

interface Ready {
  checks: Record<string, { ok: boolean; detail: string }>;
}

const now = ref(performance.now());
const heard = ref(performance.now());
const data = reactive({ lag: null as number | null, at: null as string | null, told: performance.now() });
const checks = ref<Ready["checks"]>({});
/** Whether this account may not see what a screen shows. */
const denied = ref(false);
/** Whether changes come in live. */
export const line = ref<Line>("connecting");
/** Seconds after which data counts as standing still; a page's address may say otherwise. */
export const staleAfter = ref(Math.max(10, Number(new URLSearchParams(window.location.search).get("stale")) || 60));

/** Seconds since the newest data, null before any was told of. */
export const age = computed(() => (data.lag === null ? null : data.lag + Math.max(0, now.value - data.told) / 1000));
/** The time of the newest data. */
export const dataAt = computed(() => data.at);
/** Seconds since the server last answered. */
export const silence = computed(() => Math.max(0, now.value - heard.value) / 1000);
/** What is wrong, the deepest cause first; empty when all is well. */
export const troubles = computed<Trouble[]>(() => {
  if (silence.value > SILENT_S) return ["server"];
  const found: Trouble[] = [];
  if (line.value === "refused") found.push("refused");
  if (denied.value) found.push("denied");
  if (checks.value.database?.ok === false) found.push("database");
  if (checks.value.kafka?.ok === false) found.push("broker");
  if (!found.length && checks.value.workers?.ok === false) found.push("workers");
  if (age.value !== null && age.value > staleAfter.value) found.push("stale");
  return found;
});

/** A figure came with its age. */
export function dated(told: { data_at: string | null; lag_s: number | null }): void {
  heard.value = performance.now();
  if (told.lag_s === null) return;
  data.lag = told.lag_s;
  data.at = told.data_at;
  data.told = performance.now();
}

let timers: ReturnType<typeof setInterval>[] = [];

/** Begin to watch; again, it changes nothing. */
export function watchPulse(): void {
  if (timers.length) return;
  timers = [setInterval(() => (now.value = performance.now()), 500), setInterval(() => void look(), ASK_MS)];
  void look();
}

/** Stop watching. */
export function stopPulse(): void {
  timers.forEach(clearInterval);
  timers = [];
}

let looking = false;

async function look(): Promise<void> {
  if (looking) return;
  looking = true;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ANSWER_MS);
  try {
    const answer = await fetch(address("readyz"), { signal: patience.signal, cache: "no-store" });
    checks.value = ((await answer.json()) as Ready).checks ?? {};
    heard.value = performance.now();
    if (person.value && !person.value.password_due) dated(await get("/api/v1/wall/summary", undefined, undefined, patience.signal));
    denied.value = false;
  } catch (fault) {
    const status = fault instanceof Refusal ? fault.status : 0;
    denied.value = status === 403;
    if (status === 401) line.value = "refused"; // the session has ended: nobody waits for the line to find out
    // Silence says it: `heard` and the age grow.
  } finally {
    clearTimeout(timer);
    looking = false;
  }
}
