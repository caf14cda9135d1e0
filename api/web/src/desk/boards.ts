/** The boards of a shift: questions to the list, each with its key, and the filters a person keeps. */

import { computed, ref, watch } from "vue";
import { get, Refusal } from "@/client/ask";
import type { operations } from "@/client/openapi";
import type { Incident, State } from "@/client/wire";
import { person } from "@/session/session";
import { ended } from "@/words/states";
import { serverNow } from "./burning";
import { type DeskWord } from "./words";

export type Question = NonNullable<operations["incidents_api_v1_incidents_get"]["parameters"]["query"]>;

/** What a queue shows; empty members ask for nothing. */
export interface Wanted {
  state?: State[];
  urgent?: boolean;
  overdue?: boolean;
  mine?: boolean;
  asked?: boolean;
  returned?: boolean;
  to_do?: boolean;
  department?: string[];
  category?: string[];
  q?: string;
}

export interface Board {
  key: string;
  word: DeskWord;
  wanted: Wanted;
}

const DESK_ROLES = ["shift_lead", "dispatcher", "intake_officer"];

const ALL: Omit<Board, "key">[] = [
  { word: "board_all", wanted: {} },
  { word: "board_urgent", wanted: { urgent: true } },
  { word: "board_overdue", wanted: { overdue: true } },
  { word: "board_reported", wanted: { state: ["reported", "confirming"] } },
  { word: "board_open", wanted: { state: ["open"] } },
  { word: "board_returned", wanted: { returned: true } },
  { word: "board_asked", wanted: { asked: true } },
  { word: "board_verify", wanted: { state: ["handled", "verifying"] } },
  { word: "board_mine", wanted: { mine: true } },
];
const DEPARTMENT: Omit<Board, "key">[] = [
  { word: "board_department", wanted: {} },
  { word: "board_urgent", wanted: { urgent: true } },
  { word: "board_overdue", wanted: { overdue: true } },
  { word: "board_dispatched", wanted: { state: ["dispatched"] } },
  { word: "board_handling", wanted: { state: ["handling"] } },
  { word: "board_suspended", wanted: { state: ["suspended"] } },
  { word: "board_asked", wanted: { asked: true } },
  { word: "board_verify", wanted: { state: ["handled", "verifying"] } },
];

/** 待办: who has a turn of his own. The server says what waits for a role, and why (`to_do` of each incident). */
const HAS_TURNS = ["shift_lead", "dispatcher", "intake_officer", "department"];
const TO_DO: Board = { key: "0", word: "board_todo", wanted: { to_do: true } };
const todo = computed<Board | null>(() => (HAS_TURNS.includes(person.value?.role ?? "") ? TO_DO : null));
export type Why = NonNullable<Incident["to_do"][string]>[number];

/** What an incident waits for, of him who looks: of another's department it is not his own turn. */
export function whys(one: Incident): readonly Why[] {
  const role = person.value?.role ?? "";
  // A fact from before facts told it says nothing.
  return (one.to_do as Incident["to_do"] | undefined)?.[role] ?? [];
}
const numbered = (all: Omit<Board, "key">[]): Board[] => all.map((one, n) => ({ key: String(n + 1), ...one }));

/** The boards of whoever looks, what he can move on before the rest; a department's list is its own by the server's word. */
export const boards = computed(() => {
  const all = numbered(person.value?.role === "department" ? DEPARTMENT : ALL);
  return todo.value ? [todo.value, ...all] : all;
});
/** What a desk shows whose address asks for nothing: what is his to do; the shift lead watches over all that is open. */
export const first = computed<Wanted>(() => (person.value?.role === "shift_lead" ? {} : (todo.value?.wanted ?? {})));
/** Who has to do with appeals: he reviews them, or they are his department's. */
export const hearsAppeals = computed(() => ["evaluator", "shift_lead", "department"].includes(person.value?.role ?? ""));
export const sits = computed(() => DESK_ROLES.includes(person.value?.role ?? ""));

export function question(wanted: Wanted, limit: number, cursor?: string): Question {
  const asked: Question = { ...wanted, sort: "burning", limit };
  if (cursor) asked.cursor = cursor;
  return asked;
}

/** Whether the page itself can judge an incident by these filters; else the server is asked again. */
export function judged(wanted: Wanted, one: Incident): boolean {
  if (wanted.q !== undefined || wanted.mine !== undefined || wanted.asked !== undefined || wanted.returned !== undefined) return false;
  if (!wanted.to_do) return true;
  // Whether a department may act for one below it only the server knows.
  const others = person.value?.role === "department" && one.department !== person.value.department && whys(one).length > 0;
  return (one.to_do as Incident["to_do"] | undefined) !== undefined && !others;
}

/** Whether an incident belongs in the queue, as far as a fact of it tells. */
export function fits(one: Incident, wanted: Wanted): boolean {
  if (ended(one.state)) return false;
  if (wanted.state?.length && !wanted.state.includes(one.state)) return false;
  if (wanted.urgent !== undefined && one.urgent !== wanted.urgent) return false;
  if (wanted.department?.length && !wanted.department.includes(one.department ?? "")) return false;
  if (wanted.category?.length && !wanted.category.includes(one.category)) return false;
  if (wanted.to_do && (one.to_do as Incident["to_do"] | undefined) !== undefined && !whys(one).length) return false;
  if (wanted.overdue && !(one.due_at !== null && Date.parse(one.due_at) < serverNow.value)) return false;
  return true;
}

/** Counts say "50+" beyond this: a count is the length of a list that was read. */
export const COUNTED = 50;
const AGAIN_MS = 30_000;
const SOON_MS = 5_000;

export type Counts = Partial<Record<DeskWord, number | null>>;

/** How many each board has, read from its list; a board that could not be read has none. */
export function useCounts() {
  const counts = ref<Counts>({});
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = Infinity;
  let reading = false;
  let stopped = false;
  /** What changes while they are read may have come too late for this reading. */
  let pause = AGAIN_MS;
  /** Read them within so many milliseconds; what is due sooner stays. */
  const within = (ms: number) => {
    const at = performance.now() + ms;
    if (reading) pause = Math.min(pause, ms);
    if (stopped || reading || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void read(), ms);
  };
  const read = async () => {
    reading = true;
    pause = AGAIN_MS;
    for (const board of boards.value) {
      if (stopped) return;
      try {
        counts.value[board.word] = (await get("/api/v1/incidents", question(board.wanted, COUNTED + 1))).items.length;
      } catch (fault) {
        if (!(fault instanceof Refusal)) throw fault;
        counts.value[board.word] = null;
      }
    }
    reading = false;
    due = Infinity;
    within(pause);
  };
  within(0);
  watch(boards, () => within(0)); // another's boards
  return {
    counts,
    /** Something changed. */
    soon: () => within(SOON_MS),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export interface Saved {
  name: string;
  wanted: Wanted;
}

const place = () => `yiwang.desk.filters.${person.value?.name ?? ""}`;

function remembered(): Saved[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(place()) ?? "[]");
    return Array.isArray(found) ? (found as Saved[]).filter((one) => typeof one?.name === "string" && typeof one.wanted === "object") : [];
  } catch {
    return [];
  }
}

/** The filters this person keeps on this machine. */
export const saved = ref<Saved[]>(remembered());
watch(() => person.value?.name, () => (saved.value = remembered()));

export function save(name: string, wanted: Wanted): void {
  saved.value = [...saved.value.filter((one) => one.name !== name), { name, wanted: JSON.parse(JSON.stringify(wanted)) as Wanted }];
  localStorage.setItem(place(), JSON.stringify(saved.value));
}

export function drop(name: string): void {
  saved.value = saved.value.filter((one) => one.name !== name);
  localStorage.setItem(place(), JSON.stringify(saved.value));
}
