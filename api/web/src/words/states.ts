/** A state is told by its word and its shape; colour only helps. */

import type { State } from "@/client/wire";
import { both } from "./words";

const STATES: Record<State, [shape: string, zh: string, en: string]> = {
  reported: ["○", "已上报", "reported"],
  confirming: ["◔", "核实中", "confirming"],
  open: ["◎", "已立案", "open"],
  dispatched: ["▷", "已派遣", "dispatched"],
  handling: ["▶", "处置中", "handling"],
  suspended: ["Ⅱ", "挂账", "suspended"],
  handled: ["◧", "已处置", "handled"],
  verifying: ["◑", "核查中", "verifying"],
  closed: ["●", "已结案", "closed"],
  void: ["×", "已作废", "void"],
};

export const shapeOf = (state: State): string => STATES[state]?.[0] ?? "?";
export const nameOf = (state: State): string => (STATES[state] ? both(STATES[state][1], STATES[state][2]) : state);
export const ended = (state: State): boolean => state === "closed" || state === "void";
