/** The keys of the desk: one table that is at once what they do and what the help tells. */

import type { DeskWord } from "./words";

export interface Key {
  /** As KeyboardEvent.key has it; letters are meant in lower case unless written large. */
  keys: string[];
  /** As people read it. */
  shown: string;
  word: DeskWord;
}

/** What is not a move of an incident. */
export const GENERAL = {
  next: { keys: ["j", "ArrowDown"], shown: "J ↓", word: "key_next" },
  previous: { keys: ["k", "ArrowUp"], shown: "K ↑", word: "key_previous" },
  first: { keys: ["Home"], shown: "Home", word: "key_first" },
  last: { keys: ["End"], shown: "End", word: "key_last" },
  urgent: { keys: ["!"], shown: "!", word: "key_urgent" },
  readOn: { keys: ["PageDown"], shown: "PgDn", word: "key_read_on" },
  readBack: { keys: ["PageUp"], shown: "PgUp", word: "key_read_back" },
  menu: { keys: ["m", "Enter"], shown: "M Enter", word: "key_menu" },
  order: { keys: ["r"], shown: "R", word: "key_order" },
  select: { keys: [" "], shown: "␣", word: "key_select" },
  selectAll: { keys: ["A"], shown: "⇧A", word: "key_select_all" },
  bulk: { keys: ["B"], shown: "⇧B", word: "key_bulk" },
  search: { keys: ["/"], shown: "/", word: "key_search" },
  board: { keys: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: "0…9", word: "key_boards" },
  queue: { keys: ["q"], shown: "Q", word: "key_queue" },
  handover: { keys: ["h"], shown: "H", word: "key_handover" },
  appeals: { keys: ["K"], shown: "⇧K", word: "key_appeals" },
  roster: { keys: ["D"], shown: "⇧D", word: "key_roster" },
  trial: { keys: ["t"], shown: "T", word: "key_trial" },
  decisions: { keys: ["l"], shown: "L", word: "key_decisions" },
  print: { keys: ["p"], shown: "P", word: "key_print" },
  sound: { keys: ["s"], shown: "S", word: "key_sound" },
  close: { keys: ["Escape"], shown: "Esc", word: "key_close" },
  help: { keys: ["?"], shown: "?", word: "key_help" },
} as const satisfies Record<string, Key>;

export type Deed = keyof typeof GENERAL;

/** The key of a move, large where it is pressed with Shift; where several share one, the first that is open now has it. */
export const MOVE_KEYS: Record<string, string> = {
  accept: "a",
  open: "o",
  reopen: "O",
  dispatch: "d",
  redispatch: "d",
  send_back: "b",
  ask_extend: "Y",
  ask_suspend: "G",
  urge: "u",
  answer_urge: "y",
  grant: "g",
  refuse: "f",
  confirm: "c",
  confirmed: "i",
  not_confirmed: "I",
  report_handled: "w",
  rework: "W",
  verify: "v",
  verified: "i",
  close: "e",
  close_by_order: "E",
  merge: "M",
  unmerge: "M",
  appeal: "S",
  review: "F",
  decline: "J",
  resume: "z",
  note: "n",
  void: "x",
};

/** A move's key as people read it. */
export const readKey = (letter: string): string => (letter === letter.toLowerCase() ? letter.toUpperCase() : `⇧${letter}`);

/** The moves of each key, in the table's order. */
export const BY_KEY: ReadonlyMap<string, string[]> = Object.entries(MOVE_KEYS).reduce(
  (found, [move, letter]) => found.set(letter, [...(found.get(letter) ?? []), move]),
  new Map<string, string[]>(),
);

const FOUND = new Map<string, Deed>();
for (const [deed, { keys }] of Object.entries(GENERAL)) for (const key of keys) FOUND.set(key, deed as Deed);

/** Whether what is typed goes into a field. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox" && target.type !== "radio";
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** What a key means here, if anything: a deed, or the letter of a move. */
export function meant(event: KeyboardEvent): { deed: Deed } | { letter: string } | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  // A focused button is pressed with Enter and the space bar, as everywhere.
  if ((event.key === "Enter" || event.key === " ") && event.target instanceof HTMLElement && event.target.closest("button, a, summary, input")) return null;
  // Shift alone makes a letter large: with Caps Lock on, A is still to accept and not to select everything.
  const key = event.key.length > 1 ? event.key : event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
  const deed = FOUND.get(key);
  if (deed) return { deed };
  return /^[a-z]$/i.test(key) ? { letter: key } : null;
}
