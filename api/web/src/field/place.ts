/** Where the phone is, as it says it: followed while a page needs it, with accuracy, age and declared datum. */

import { computed, ref, shallowRef } from "vue";
import type { Fix } from "./store";

const DATUM = "yiwang.field.datum";
/** A place that is older is not where the photo was taken. */
const FRESH_MS = 30_000;
const PATIENCE_MS = 20_000;

/** The newest place; null before there is one. */
export const here = shallowRef<Fix | null>(null);
/** Why there is none. */
export const lost = ref<"denied" | "insecure" | "none" | null>(null);
/** Some web views of Chinese phones hand out shifted places; the person's own setting says so. */
export const datum = ref<Fix["datum"]>(localStorage.getItem(DATUM) === "gcj02" ? "gcj02" : "wgs84");

export function setDatum(chosen: Fix["datum"]): void {
  datum.value = chosen;
  localStorage.setItem(DATUM, chosen);
  here.value = null;
}

let watching: number | null = null;
let coarse = 0;
let exact = 0;
let isExact = false;

/** Follow the place until the returned function is called. Exactly costs battery: only while somebody looks at a place. */
export function followPlace(exactly = false): () => void {
  if (exactly) exact += 1;
  else coarse += 1;
  follow();
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (exactly) exact -= 1;
    else coarse -= 1;
    follow();
  };
}

/** As exactly as is asked for, and not at all while nobody looks at the page. */
function follow(): void {
  const wanted = exact + coarse > 0 && document.visibilityState === "visible";
  if (watching !== null && (!wanted || isExact !== exact > 0)) {
    navigator.geolocation.clearWatch(watching);
    watching = null;
  }
  if (!wanted || watching !== null) return;
  if (!("geolocation" in navigator)) return void (lost.value = "none");
  isExact = exact > 0;
  const how = { enableHighAccuracy: isExact, maximumAge: isExact ? 5_000 : 30_000, timeout: PATIENCE_MS };
  watching = navigator.geolocation.watchPosition(take, fail, how);
}
document.addEventListener("visibilitychange", follow);

function take(found: GeolocationPosition): void {
  const { longitude, latitude, accuracy } = found.coords;
  lost.value = null;
  // By our own clock: some web views tell the time of a fix in another measure.
  here.value = { lon: longitude, lat: latitude, datum: datum.value, accuracy: Math.round(accuracy), at: Date.now() };
}

function fail(fault: GeolocationPositionError): void {
  if (fault.code === fault.PERMISSION_DENIED) lost.value = window.isSecureContext ? "denied" : "insecure";
  else if (!here.value) lost.value = "none";
}

/** The place of this moment: the one followed if it is fresh, else one asked for now; null where the phone gives none. */
export async function placeNow(): Promise<Fix | null> {
  if (here.value && Date.now() - here.value.at < FRESH_MS) return here.value;
  if (!("geolocation" in navigator)) return null;
  await new Promise<void>((done) => {
    const took = (found: GeolocationPosition) => (take(found), done());
    const failed = (fault: GeolocationPositionError) => (fail(fault), done());
    navigator.geolocation.getCurrentPosition(took, failed, { enableHighAccuracy: true, maximumAge: 0, timeout: PATIENCE_MS });
  });
  return here.value && Date.now() - here.value.at < FRESH_MS ? here.value : null;
}

const M_PER_DEGREE = 111_320;
const cosine = (lat: number) => Math.cos((lat * Math.PI) / 180);

/** Metres between two places of one city. */
export function metres(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  return M_PER_DEGREE * Math.hypot((a.lon - b.lon) * cosine(a.lat), a.lat - b.lat);
}

/** Which of eight directions leads there, counted from north by east. */
export function direction(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const angle = Math.atan2((b.lon - a.lon) * cosine(a.lat), b.lat - a.lat);
  return (Math.round((angle * 4) / Math.PI) + 8) % 8;
}

/** Where we are in WGS-84, to be measured against incidents; GCJ-02 is shifted back by its well-known polynomial. */
export const hereWgs84 = computed(() => (here.value ? (here.value.datum === "gcj02" ? unshifted(here.value) : here.value) : null));

function unshifted(fix: Fix): { lon: number; lat: number } {
  const x = fix.lon - 105;
  const y = fix.lat - 35;
  const pi = Math.PI;
  const waves = (20 * Math.sin(6 * x * pi) + 20 * Math.sin(2 * x * pi)) * (2 / 3);
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + waves
    + ((20 * Math.sin(y * pi) + 40 * Math.sin((y / 3) * pi)) * 2) / 3 + ((160 * Math.sin((y / 12) * pi) + 320 * Math.sin((y * pi) / 30)) * 2) / 3; // prettier-ignore
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + waves
    + ((20 * Math.sin(x * pi) + 40 * Math.sin((x / 3) * pi)) * 2) / 3 + ((150 * Math.sin((x / 12) * pi) + 300 * Math.sin((x / 30) * pi)) * 2) / 3; // prettier-ignore
  const ee = 0.00669342162296594;
  const phi = (fix.lat * pi) / 180;
  const m = 1 - ee * Math.sin(phi) ** 2;
  const a = 6378245;
  return {
    lon: fix.lon - (east * 180) / ((a / Math.sqrt(m)) * Math.cos(phi) * pi),
    lat: fix.lat - (north * 180) / (((a * (1 - ee)) / (m * Math.sqrt(m))) * pi),
  };
}
