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
/** Whether what is seen can still grow. */
export const offline = computed(() => answered.value === false || (answered.value === null && line.value !== "up"));

/** Begin; the returned function ends it. */
export function beginSignal(): () => void {
  stopPulse(); // the walls' pulse asks every two seconds
  const timer = setInterval(() => void hear(), LOOK_MS);
  const soon = () => void hear();
  const silent = () => (answered.value = false);
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

export async function hear(): Promise<void> {
  if (document.visibilityState !== "visible") return;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const told = (await (await fetch(address("readyz"), { signal: patience.signal, cache: "no-store" })).json()) as {
      checks?: Record<string, { ok: boolean }>;
    };
    answered.value = true;
    ill.value = Object.entries(told.checks ?? {}).filter(([, check]) => !check.ok).map(([name]) => name); // prettier-ignore
  } catch {
    answered.value = false;
  } finally {
    clearTimeout(timer);
  }
}
