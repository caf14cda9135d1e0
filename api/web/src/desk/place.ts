/** Where one was when the session ended: whoever comes in again finds his place and what he typed, another finds neither.
 *
 * Nothing of an incident is kept, only its number. What was typed stands in this tab (`forms.draft`, the hand-over's note).
 */

import { ref } from "vue";
import { silence } from "@/age/pulse";
import { Refusal, untouched } from "@/client/ask";
import { leave, person } from "@/session/session";
import { say } from "@/words/words";
import type { Wanted } from "./boards";

export interface Place {
  /** Whose, and in which role. */
  who: string;
  as: string;
  page: string;
  wanted: Wanted;
  chosen: string | null;
  selected: readonly string[];
  /** The move whose form was open. */
  doing: string | null;
}

const TYPED = "yiwang.desk.typed-by";
const TYPED_HERE = ["yiwang.desk.draft.", "yiwang.desk.handover"];
const SILENT_S = 5;
const LEFT = "yiwang.desk.place";

/** Keep the place of whoever was put out; who went out himself leaves none. */
export function keepPlace(place: Place | null): void {
  if (place) sessionStorage.setItem(LEFT, JSON.stringify(place));
  else sessionStorage.removeItem(LEFT);
}

/** The place of him who is in now, once; what another typed in this tab is gone by then. */
export function placeOf(who: string): Place | null {
  if (!who) return null;
  const before = sessionStorage.getItem(TYPED);
  if (before !== null && before !== who) forgetTyped();
  sessionStorage.setItem(TYPED, who);
  const left = JSON.parse(sessionStorage.getItem(LEFT) ?? "null") as Place | null;
  keepPlace(null);
  return left?.who === who ? left : null;
}

function forgetTyped(): void {
  history.replaceState(null, "", window.location.pathname + window.location.search); // what he looked for, too
  for (const key of Object.keys(sessionStorage)) if (TYPED_HERE.some((begin) => key.startsWith(begin))) sessionStorage.removeItem(key);
}

/** Seconds until a session that nobody uses is over, once they are few; whoever sits there need only touch a key. */
export const locksIn = ref<number | null>(null);
const FEW_S = 120;

/** A session that nobody used is over, also where no server is there to say so. */
export function lockWhenIdle(): void {
  const idle = person.value?.idle_s;
  const left = idle == null ? Infinity : Math.ceil(idle - untouched() / 1000);
  locksIn.value = left > FEW_S ? null : Math.max(0, left);
  if (left > 0 || silence.value < SILENT_S) return;
  leave(new Refusal(401, "unauthenticated", say("trouble_refused"), say("trouble_refused")));
}
