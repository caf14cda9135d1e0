/** What calls an officer: a sound if he wants one, again until he looks, and the count of new urgent incidents in the page's title. */

import { computed, ref, watch } from "vue";
import type { Fact } from "@/client/wire";
import { say, tongue } from "@/words/words";
import { tell } from "./words";

const KEPT = "yiwang.desk.sound";
const BETWEEN_MS = 2_000;
/** Who did not hear it the first time is called again. */
const AGAIN_MS = 30_000;

/** Whether it sounds; asked for once, kept on this machine. */
export const sounding = ref(localStorage.getItem(KEPT) === "1");
/** Numbers of urgent incidents nobody here has looked at yet. */
export const unseen = ref<ReadonlySet<string>>(new Set());
/** Nobody is in here any more: nothing is heard, and the title says so. */
export const locked = ref(false);
/** What is read aloud by a screen reader. */
export const announced = ref("");

/** A browser sounds only on a page that somebody has touched; one that cannot say so is believed to. */
const touched = ref(navigator.userActivation?.hasBeenActive ?? true);
const touch = (): void => {
  touched.value = true;
  for (const sign of ["keydown", "pointerdown"]) window.removeEventListener(sign, touch);
};
for (const sign of ["keydown", "pointerdown"]) window.addEventListener(sign, touch);

/** How the sound stands, as its button says it. */
export const sound = computed<"sound_on" | "sound_off" | "sound_waits">(() => (!sounding.value ? "sound_off" : touched.value ? "sound_on" : "sound_waits"));

let speaker: AudioContext | null = null;
let last = 0;

export function toggleSound(): void {
  sounding.value = !sounding.value;
  localStorage.setItem(KEPT, sounding.value ? "1" : "0");
  if (sounding.value) ring();
}

/** Two short tones; a browser that has not been touched yet stays silent. */
function ring(): void {
  if (performance.now() - last < BETWEEN_MS && last > 0) return;
  last = performance.now();
  speaker ??= new AudioContext();
  void speaker.resume();
  for (const [n, pitch] of [880, 1175].entries()) {
    const tone = speaker.createOscillator();
    const volume = speaker.createGain();
    const from = speaker.currentTime + n * 0.18;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, from);
    volume.gain.exponentialRampToValueAtTime(0.25, from + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, from + 0.16);
    tone.connect(volume).connect(speaker.destination);
    tone.start(from);
    tone.stop(from + 0.17);
  }
}

setInterval(() => {
  if (sounding.value && unseen.value.size) ring();
}, AGAIN_MS);

/** New urgent incidents among these facts are announced; those that ended call nobody any more. */
export function hear(facts: readonly Fact[]): void {
  const now = new Set(unseen.value);
  let rings = false;
  for (const { incident, from_state, number } of facts) {
    if (incident.state === "closed" || incident.state === "void") now.delete(number);
    else if (incident.urgent && from_state === null) {
      now.add(number);
      announced.value = tell("urgent_new", { number });
      rings = true;
    }
  }
  if (now.size !== unseen.value.size || rings) unseen.value = now;
  if (rings && sounding.value) ring();
}

/** The desk is about to lock, or has locked: from then on it calls nobody. */
export function callToDesk(): void {
  if (sounding.value) ring();
}

/** Somebody looks at it. */
export function look(number: string): void {
  if (!unseen.value.has(number)) return;
  const rest = new Set(unseen.value);
  rest.delete(number);
  unseen.value = rest;
}

/** Another looks now: what called the one before does not call him. */
export function forgetAll(): void {
  unseen.value = new Set();
  announced.value = "";
}

watch(
  [unseen, tongue, locked],
  ([now]) => {
    const name = `${locked.value ? `${tell("locked")} · ` : ""}${say("desk")} · ${say("city")}`;
    document.title = now.size ? `(${now.size}‼) ${name}` : name;
    const badge = navigator as Navigator & { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
    void (now.size ? badge.setAppBadge?.(now.size) : badge.clearAppBadge?.())?.catch(() => undefined);
  },
  { flush: "post" },
);
