/** What a move asks for: its fields from the `needs` the API tells, what may be given besides, and what was typed so far. */

import { reactive, watch } from "vue";
import { get, Refusal, send } from "@/client/ask";
import type { components } from "@/client/openapi";
import type { Incident } from "@/client/wire";
import type { Given, MoveShown } from "./act";
import { type DeskWord, tell } from "./words";

export type Trial = components["schemas"]["TrialShown"];
export type Appeal = components["schemas"]["AppealShown"];
export type Mark = components["schemas"]["Mark"];

export type Field = "whose" | "department" | "assisting" | "category" | "condition" | "inspector" | "handler" | "until" | "into" | "upheld" | "photo" | "reason";

const BESIDES: Record<string, Field[]> = {
  open: ["category", "condition"],
  dispatch: ["condition", "assisting"],
  redispatch: ["assisting"],
  accept: ["handler"],
  confirm: ["inspector"],
  verify: ["inspector"],
};
const ORDER: Field[] = ["whose", "department", "category", "condition", "assisting", "inspector", "handler", "until", "into", "upheld", "photo", "reason"];

/** Whose appeal it is must be said where it may be one of several: a review by mistake cannot be taken back. */
export const needed = (move: MoveShown, field: Field): boolean => (field === "whose" ? move.departments.length > 1 : move.needs.includes(field));

/** The fields of a move in the order they are filled; a remark is always possible. */
export function fields(move: MoveShown): Field[] {
  const besides = BESIDES[move.move] ?? [];
  return ORDER.filter((one) => one === "reason" || needed(move, one) || besides.includes(one));
}

/** In the place of a department, for many at once: each to the one its routes propose. */
export const EACH = "*";

/** What was typed; kept in this tab until the move is made, through a page read again and a server away. */
export interface Draft {
  whose: string;
  department: string;
  assisting: string[];
  category: string;
  condition: string;
  inspector: string;
  handler: string;
  until: string;
  into: string;
  upheld: "" | "yes" | "no";
  media: string[];
  reason: string;
}

const empty = (): Draft => ({ whose: "", department: "", assisting: [], category: "", condition: "", inspector: "", handler: "", until: "", into: "", upheld: "", media: [], reason: "" });
const place = (number: string, move: string) => `yiwang.desk.draft.${number}.${move}`;

export function draft(number: string, move: string): Draft {
  let kept: Partial<Draft> = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(place(number, move)) ?? "{}") as Partial<Draft>;
  } catch {
    // What cannot be read was not typed by this page.
  }
  const found = reactive<Draft>({ ...empty(), ...kept });
  watch(found, (now) => sessionStorage.setItem(place(number, move), JSON.stringify(now)), { deep: true });
  return found;
}

export const forget = (number: string, move: string): void => sessionStorage.removeItem(place(number, move));

/** What is still needed before the move can be sent. */
export function lacking(move: MoveShown, typed: Draft): DeskWord[] {
  const missing: Partial<Record<Field, boolean>> = {
    whose: !move.departments.includes(typed.whose),
    department: !typed.department,
    until: !typed.until,
    into: !typed.into.trim(),
    upheld: !typed.upheld,
    photo: !typed.media.length,
    reason: !typed.reason.trim(),
  };
  return ORDER.filter((one) => needed(move, one) && missing[one]) as DeskWord[];
}

/** The body of the request. */
export function body(move: MoveShown, typed: Draft): Given {
  const given: Given = { move: move.move };
  const asked = fields(move);
  const has = (field: Field) => asked.includes(field);
  if (typed.reason.trim()) given.reason = typed.reason.trim();
  if (has("department") && typed.department) given.department = typed.department;
  const whose = has("whose") ? typed.whose : move.departments[0];
  if (whose) given.department = whose;
  if (has("assisting") && typed.assisting.length) given.assisting = typed.assisting;
  if (has("category") && typed.category) given.category = typed.category;
  if (has("condition") && typed.condition) given.condition = typed.condition;
  if (has("inspector") && typed.inspector) given.inspector = typed.inspector;
  if (has("handler") && typed.handler.trim()) given.handler = typed.handler.trim();
  if (has("until") && typed.until) given.until = new Date(typed.until).toISOString();
  if (has("into") && typed.into.trim()) given.into = typed.into.trim();
  if (has("upheld") && typed.upheld) given.upheld = typed.upheld === "yes";
  if (typed.media.length) given.media = typed.media;
  return given;
}

/** What is held against a department, or appealed against. */
export const heldWords = (marks: readonly Mark[]): string => marks.map((one) => tell(`mark_${one}`)).join("、");

/** Which review an appeal waits for. */
export const reviewWait = (appeal: Appeal): string => tell(appeal.reviews.length ? "appeal_waits_second" : "appeal_waits");

/** Where the routes in force would send it; null where nobody could be asked. */
export async function proposed(one: Incident): Promise<Trial | null> {
  const area = one.cell ?? one.community ?? undefined;
  const asked = { category: one.category, source: one.source, ...(area ? { area } : {}) };
  try {
    return await ask(asked);
  } catch (fault) {
    if (fault instanceof Refusal) return null;
    throw fault;
  }
}

/** A dry run of the routes. */
export async function ask(given: components["schemas"]["TrialGiven"]): Promise<Trial> {
  const answer = await send("api/v1/routes/try", {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given) });
  return (await answer.json()) as Trial;
}

export interface Names {
  categories: { key: string; zh: string; en: string }[];
  departments: { code: string; zh: string; en: string }[];
}

/** What may be chosen in a form; read once. */
export const names = reactive<Names>({ categories: [], departments: [] });

export async function readChoices(): Promise<void> {
  try {
    const told = await get("/api/v1/standards/names");
    names.categories = told.categories;
    names.departments = told.departments;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.status === 0 || fault.status >= 500) setTimeout(() => void readChoices(), 3_000);
  }
}
