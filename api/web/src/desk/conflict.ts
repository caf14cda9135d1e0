/** Two versions of an incident: what another person changed while one was deciding. */

import { categoryName, departmentName } from "@/incidents/names";
import { nameOf } from "@/words/states";
import { clock } from "@/words/words";
import type { Whole } from "./act";
import { reviewWait } from "./forms";
import { type DeskWord, tell } from "./words";

export interface Change {
  word: DeskWord;
  from: string;
  to: string;
}

const yes = (value: boolean) => tell(value ? "yes" : "no");
const time = (value: string | null) => (value === null ? "—" : clock(value));

const TOLD: [DeskWord, (one: Whole) => string][] = [
  ["field_state", (one) => nameOf(one.state)],
  ["field_department", (one) => departmentName(one.department) || "—"],
  ["field_category", (one) => categoryName(one.category)],
  ["field_inspector", (one) => one.inspector ?? "—"],
  ["field_urgent", (one) => yes(one.urgent)],
  ["field_due_at", (one) => time(one.due_at)],
  ["field_reports", (one) => String(one.reports)],
  ["field_suspended_until", (one) => time(one.suspended_until)],
  ["field_merged_into", (one) => one.merged_into ?? "—"],
  ["asked", (one) => (one.asked ? String(one.asked.kind ?? yes(true)) : "—")],
  ["returned", (one) => (one.returned ? String(one.returned.reason ?? yes(true)) : "—")],
  ["appealed", (one) => one.appeals.map((each) => `${departmentName(each.department)} ${each.outcome ? tell(`appeal_${each.outcome}`) : reviewWait(each)}`).join("、") || "—"],
];

/** What differs, in words; empty where only what nobody decides on has changed. */
export function changes(before: Whole, after: Whole): Change[] {
  return TOLD.map(([word, said]) => ({ word, from: said(before), to: said(after) })).filter((one) => one.from !== one.to);
}

/** What somebody decides on; that one more person has reported it changes nothing. */
export const decisive = (found: Change[]): Change[] => found.filter((one) => one.word !== "field_reports");
