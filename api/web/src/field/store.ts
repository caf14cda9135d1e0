/** What the phone keeps by itself: what is to be sent, the tasks as last seen, drafts, names. One small IndexedDB. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** A photo as it will be sent: shrunk, without what the camera wrote; `data` goes once it was sent. */
export interface Photo {
  kind: "scene" | "before" | "after";
  data: ArrayBuffer | null;
  thumb: string;
  /** What the server calls it, once it has it. */
  id: string | null;
}

/** A place as a phone told it: degrees in a declared datum, metres, and when. */
export interface Fix {
  lon: number;
  lat: number;
  datum: "wgs84" | "gcj02";
  accuracy: number;
  at: number;
}

/** 上报: a trouble seen; without a fix the number of a cell stands in. */
export interface Report {
  kind: "report";
  text: string;
  category: string | null;
  fix: Fix | null;
  cell: string | null;
  at: string;
}

/** A report not finished, kept at every change under DRAFT. */
export interface Draft {
  text: string;
  category: string | null;
  cell: string;
  photos: Photo[];
  fix: Fix | null;
  seenAt: number | null;
}
export const DRAFT = "draft report";

/** 办理: a move on an incident as it was seen at `version`; `after` names the move on it that must go before. */
export interface Step {
  kind: "step";
  number: string;
  title: string;
  move: string;
  version: number;
  after: string | null;
  reason: string | null;
  until: string | null;
}

export interface Why {
  status: number;
  code: string;
  zh: string;
  en: string;
}

/** One thing to be sent once; its id is its Idempotency-Key. */
export interface Item {
  id: string;
  by: string;
  made: number;
  what: Report | Step;
  photos: Photo[];
  way: "waiting" | "sent" | "stopped";
  /** Its time was put right by the server's clock. */
  righted?: boolean;
  /** When it was first sent without hearing what became of it. */
  tried: number | null;
  why: Why | null;
  answer: { number: string; state: string; version: number; joined: boolean } | null;
  sent: number | null;
}

interface Kept extends DBSchema {
  outbox: { key: string; value: Item };
  things: { key: string; value: unknown };
}

let opened: Promise<IDBPDatabase<Kept>> | null = null;

function database(): Promise<IDBPDatabase<Kept>> {
  opened ??= openDB<Kept>("yiwang-field", 1, {
    upgrade(made) {
      made.createObjectStore("outbox", { keyPath: "id" });
      made.createObjectStore("things");
    },
    terminated: () => (opened = null),
  });
  return opened;
}

export const allItems = async (): Promise<Item[]> => (await database()).getAll("outbox");

/** Change things to be sent together or not at all; what `change` gives back is kept, null is removed. */
export async function changeItems(change: (all: Item[]) => Map<string, Item | null>): Promise<void> {
  const work = (await database()).transaction("outbox", "readwrite");
  for (const [id, item] of change(await work.store.getAll())) {
    if (item) await work.store.put(item);
    else await work.store.delete(id);
  }
  await work.done;
}

export async function recall<T>(name: string): Promise<T | null> {
  return ((await (await database()).get("things", name)) as T | undefined) ?? null;
}

export async function remember(name: string, value: unknown): Promise<void> {
  await (await database()).put("things", value, name);
}

export async function forget(name: string): Promise<void> {
  await (await database()).delete("things", name);
}

/** An id that nobody else makes, also where `crypto.randomUUID` is missing (plain http, old web views). */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
