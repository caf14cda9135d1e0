/** 值班: the place of a phone is told while its holder is on duty and the page is open, and at no other time. */

import { ref } from "vue";
import { get, Refusal, send } from "@/client/ask";
import { isInspector, me } from "./me";
import { followPlace, placeNow } from "./place";
import { serverNow } from "./signal";

const LOOK_MS = 300_000;
const TELL_MS = 120_000;

/** Until when the holder is on duty; null: off duty, or not known. */
export const dutyUntil = ref<string | null>(null);
/** When the place was last told. */
export const toldAt = ref<number | null>(null);

let unfollow: (() => void) | null = null;
let timers: ReturnType<typeof setInterval>[] = [];

/** Begin to look whether there is a duty; the returned function ends it. */
export function beginDuty(): () => void {
  timers = [setInterval(() => void lookForDuty(), LOOK_MS), setInterval(() => void tell(), TELL_MS)];
  void lookForDuty();
  return () => {
    timers.forEach(clearInterval);
    off();
  };
}

export async function lookForDuty(): Promise<void> {
  if (!isInspector.value || document.visibilityState !== "visible") return;
  try {
    const page = await get("/api/v1/duty", { role: "inspector" });
    const mine = page.items.find((one) => one.account === me.value.name);
    if (!mine) return off();
    dutyUntil.value = mine.to;
    unfollow ??= followPlace();
    await tell();
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.status) off();
  }
}

function off(): void {
  dutyUntil.value = null;
  toldAt.value = null;
  unfollow?.();
  unfollow = null;
}

async function tell(): Promise<void> {
  if (!dutyUntil.value || document.visibilityState !== "visible") return;
  if (serverNow() >= Date.parse(dutyUntil.value)) return off();
  const fix = await placeNow();
  if (!fix || !dutyUntil.value) return;
  const position = { lon: fix.lon, lat: fix.lat, datum: fix.datum, accuracy: fix.accuracy };
  const body = JSON.stringify({ position }); // of this moment; a phone's clock may be wrong
  try {
    await send("api/v1/duty/position", {}, { method: "PUT", headers: { "Content-Type": "application/json" }, body });
    toldAt.value = Date.now();
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.status === 409) off(); // the duty ended meanwhile
  }
}
