/** The moves a phone offers: what they need and what they make of an incident, for the time without a network.
 *
 * The server's lifecycle decides; online its own list of open moves is asked and holds.
 */

import type { State } from "@/client/wire";

export interface Way {
  move: string;
  reason: boolean;
  until: boolean;
  /** Which photo goes with it; null: none is asked for. */
  photo: "before" | "after" | "scene" | null;
  /** The state it leads to; null: it stays. */
  to: State | null;
  good: boolean;
}

const way = (move: string, more: Partial<Way> = {}): Way => ({ move, reason: false, until: false, photo: null, to: null, good: false, ...more });

const INSPECTOR: Partial<Record<State, Way[]>> = {
  confirming: [
    way("confirmed", { photo: "before", to: "reported", good: true }),
    way("not_confirmed", { reason: true, photo: "scene", to: "reported" }),
    way("decline", { reason: true }),
  ],
  verifying: [
    way("verified", { photo: "after", to: "verifying", good: true }),
    way("rework", { reason: true, photo: "scene", to: "handling" }),
    way("decline", { reason: true }),
  ],
};

const SEND_BACK = way("send_back", { reason: true, photo: "scene", to: "open" });
const CREW: Partial<Record<State, Way[]>> = {
  dispatched: [way("accept", { to: "handling", good: true }), SEND_BACK, way("ask_extend", { reason: true })],
  handling: [
    way("report_handled", { photo: "after", to: "handled", good: true }),
    SEND_BACK,
    way("ask_extend", { reason: true }),
    way("ask_suspend", { reason: true, until: true }),
  ],
  suspended: [way("resume", { to: "handling", good: true })],
};

export const ASKS = ["ask_extend", "ask_suspend"];

const NOTE = way("note", { reason: true, photo: "scene" });
const ANSWER = way("answer_urge", { reason: true });

/** What may be done from a state by a role, as far as the phone knows. */
export function waysFrom(state: State, role: string, urged: boolean): Way[] {
  const own = (role === "inspector" ? INSPECTOR : role === "department" ? CREW : {})[state] ?? [];
  return [...own, ...(urged ? [ANSWER] : []), NOTE];
}

/** What one of them needs, found by its name. */
export function wayOf(move: string): Way {
  const all = [...Object.values(INSPECTOR), ...Object.values(CREW)].flat();
  return all.find((one) => one?.move === move) ?? (move === "answer_urge" ? ANSWER : NOTE);
}
