/** Whether the server is heard and whole, asked every half minute: a phone pays for each question. */

import { computed, ref, watch } from "vue";
import { address } from "@/client/address";
import { line, stopPulse } from "@/age/pulse";

const LOOK_MS = 30_000;
const PATIENCE_MS = 8_000;

const answered = ref<boolean | null>(null);
const ill = ref<string[]>([]);
/** The part that is away on the server's side, the deepest cause first. */
export const serverIll = computed(() => ["database", "kafka", "workers"].find((one) => ill.value.includes(one)) ?? null);
/** By how much this phone's clock runs ahead of the server's, in milliseconds, as its last answer told. */
export let ahead = 0;
/** The time by the server's clock, whatever the phone's says. */
export const serverNow = (): number => Date.now() - ahead;

/** What an answer tells of the time; a second or two are the way it came. */
export function hearTime(answer: Response): void {
  const told = Date.parse(answer.headers.get("Date") ?? "");
  if (Number.isFinite(told)) ahead = Date.now() - told;
}

/** Whether what is seen can still grow. */
export const offline = computed(() => answered.value === false || (answered.value === null && line.value !== "up"));

/** After so long out of sight the phone lets its radio sleep: the live line is ended, and stands again when it is seen. */
const ASLEEP_MS = 120_000;
export const awake = ref(true);
let falling: ReturnType<typeof setTimeout> | undefined;
document.addEventListener("visibilitychange", () => {
  clearTimeout(falling);
  if (document.visibilityState === "visible") awake.value = true;
  else falling = setTimeout(() => (awake.value = false), ASLEEP_MS);
});

/** Begin; the returned function ends it. */
export function beginSignal(): () => void {
  stopPulse(); // the walls' pulse asks every two seconds
  const timer = setInterval(() => void hear(), LOOK_MS);
  const soon = () => void hear();
  const silent = () => {
    turn += 1;
    answered.value = false;
  };
  window.addEventListener("online", soon);
  window.addEventListener("offline", silent);
  // A live line that falls is the first to know.
  const unwatch = watch(line, (now) => now === "connecting" && soon());
  soon();
  return () => {
    unwatch();
    clearInterval(timer);
    window.removeEventListener("online", soon);
    window.removeEventListener("offline", silent);
  };
}

/** What was asked before the network went says nothing of now. */
let turn = 0;

export async function hear(): Promise<void> {
  if (document.visibilityState !== "visible") return;
  const asked = ++turn;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(address("readyz"), { signal: patience.signal, cache: "no-store" });
    hearTime(answer);
    const told = (await answer.json()) as {
      checks?: Record<string, { ok: boolean }>;
    };
    if (asked !== turn) return;
    answered.value = true;
    ill.value = Object.entries(told.checks ?? {}).filter(([, check]) => !check.ok).map(([name]) => name); // prettier-ignore
  } catch {
    if (asked === turn) answered.value = false;
  } finally {
    clearTimeout(timer);
  }
}
