/** What burns: the clock of an incident that ends soonest, and the order of the queue that follows from it.
 *
 * The same order as the API's `sort=burning`, so that what comes in live finds its place among the pages.
 */

import { computed } from "vue";
import type { Incident } from "@/client/wire";
import { age, dataAt } from "@/age/pulse";
import { ended } from "@/words/states";
import { span, spell } from "@/words/words";
import { known, tell } from "./words";

const NEVER = Date.UTC(3000, 0, 1);
const URGENT_FIRST = 1500 * 366 * 86_400_000;

/** The server's time by what it tells of its data, which a wrong clock at this desk does not move. */
export const serverNow = computed(() =>
  dataAt.value !== null && age.value !== null ? Date.parse(dataAt.value) + age.value * 1000 : Date.now(),
);

export interface Burning {
  /** Which clock: `handling` or the kind of a stage. */
  stage: string;
  due: number;
  yellow: number | null;
}

/** The running clock that ends soonest; null: none runs. */
export function burning(one: Incident): Burning | null {
  const handling = one.due_at === null ? NEVER : Date.parse(one.due_at);
  const stage = one.stage_due_at === null ? NEVER : Date.parse(one.stage_due_at);
  if (handling === NEVER && stage === NEVER) return null;
  if (handling <= stage) return { stage: "handling", due: handling, yellow: one.yellow_at === null ? null : Date.parse(one.yellow_at) };
  return { stage: one.stage ?? "", due: stage, yellow: one.stage_yellow_at == null ? null : Date.parse(one.stage_yellow_at) };
}

/** The place in the order: smaller burns more. */
export function heat(one: Incident): number {
  return (burning(one)?.due ?? NEVER) - (one.urgent ? URGENT_FIRST : 0);
}

export interface Countdown {
  tone: "late" | "near" | "calm" | "none";
  sign: string;
  words: string;
}

/** Seconds as a person counts them: to the second within two days, beyond that in days. */
const told = (seconds: number): string => (seconds < 172_800 ? spell(seconds) : span(seconds / 60));

/** How long the running clock has left, in a word, a sign and a tone. */
export function countdown(one: Incident, now: number): Countdown {
  const found = ended(one.state) ? null : burning(one);
  if (found === null) return { tone: "none", sign: "—", words: tell("no_clock") };
  const word = `stage_${found.stage}`;
  const name = known(word) ? tell(word) : found.stage;
  const left = (found.due - now) / 1000;
  if (left < 0) return { tone: "late", sign: "✘", words: `${name} ${tell("late")} ${told(-left)}` };
  const near = found.yellow !== null ? now >= found.yellow : left < 900;
  return { tone: near ? "near" : "calm", sign: near ? "◆" : "○", words: `${name} ${tell("left")} ${told(left)}` };
}
