/** What the phone keeps by itself: what is to be sent, the tasks as last seen, drafts, names. One small IndexedDB. */

import { brought, ended, opened } from "./shelf";

/** A photo as it will be sent: shrunk, without what the camera wrote. Its bytes lie by themselves, so that the list of
 * what waits stays small however many photos wait; they go once it was sent.
 */
export interface Photo {
  kind: "scene" | "before" | "after";
  bytes: string | null;
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
  /** Of photos that were too many: how many may come. */
  left?: number;
  /** Which photo it was, counted from 0. */
  photo?: number;
}

/** One thing to be sent once; its id is its Idempotency-Key. */
export interface Item {
  id: string;
  by: string;
  made: number;
  what: Report | Step;
  photos: Photo[];
  way: "waiting" | "sent" | "stopped";
  /** The role it was decided in, as `Yiwang-Role` says it. */
  as?: string;
  /** Its time was put right by the server's clock. */
  righted?: boolean;
  /** When it was first sent without hearing what became of it. */
  tried: number | null;
  why: Why | null;
  answer: { number: string; state: string; version: number; joined: boolean } | null;
  sent: number | null;
}

/** What is to be sent by its id, single things by their names, and bytes of photos by theirs. */
type Store = "outbox" | "things" | "bytes";
/** Bytes of a photo that nothing names are of one taken away; younger ones may just be on their way into a draft. */
const ORPHAN_MS = 600_000;

let base: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  base ??= open();
  return base;
}

async function open(): Promise<IDBDatabase> {
  await awake();
  const found = await opened("yiwang-field", 2, (made, before) => {
    if (before < 1) {
      made.createObjectStore("outbox", { keyPath: "id" });
      made.createObjectStore("things");
    }
    made.createObjectStore("bytes");
  });
  found.onclose = () => (base = null); // the browser took it away; asked for again it is opened again
  return found;
}

/** Read from one store. */
async function read<T>(name: Store, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return brought(what((await database()).transaction(name).objectStore(name)));
}

/** Change one store, and wait until it is kept. */
async function write(name: Store, what: (store: IDBObjectStore) => void): Promise<void> {
  const work = (await database()).transaction(name, "readwrite");
  what(work.objectStore(name));
  await ended(work);
}

/** Safari 14 loses requests made while it starts its storage; one that asks for the names often enough wakes it (WebKit 226547). */
async function awake(): Promise<void> {
  if (!/Version\/14\./.test(navigator.userAgent) || !indexedDB.databases) return;
  let timer: ReturnType<typeof setInterval> | undefined;
  await new Promise<void>((done) => {
    const ask = () => void indexedDB.databases().then(() => done(), () => done()); // prettier-ignore
    timer = setInterval(ask, 100);
    ask();
  });
  clearInterval(timer);
}

export const allItems = (): Promise<Item[]> => read("outbox", (store) => store.getAll());

/** Change things to be sent together or not at all; what `change` gives back is kept, null is removed. */
export async function changeItems(change: (all: Item[]) => Map<string, Item | null>): Promise<void> {
  const work = (await database()).transaction("outbox", "readwrite");
  const store = work.objectStore("outbox");
  const kept = ended(work);
  for (const [id, item] of change(await brought<Item[]>(store.getAll()))) {
    if (item) store.put(item);
    else store.delete(id);
  }
  await kept;
}

/** Keep the bytes of a photo; by what they are found again. */
export async function keepBytes(data: ArrayBuffer): Promise<string> {
  const name = `${String(Date.now()).padStart(15, "0")}-${newId()}`;
  await write("bytes", (store) => store.put(data, name));
  return name;
}

export const bytesOf = async (name: string): Promise<ArrayBuffer | null> => (await read<ArrayBuffer | undefined>("bytes", (store) => store.get(name))) ?? null;

/** Let go of the bytes that nothing names any more. */
export async function sweep(): Promise<void> {
  const work = (await database()).transaction(["outbox", "things", "bytes"], "readwrite");
  const kept = ended(work);
  const [outbox, things, bytes] = (["outbox", "things", "bytes"] as const).map((name) => work.objectStore(name)) as [IDBObjectStore, IDBObjectStore, IDBObjectStore];
  const named = new Set<string | null>();
  const note = (photos: readonly Photo[] | undefined) => photos?.forEach((photo) => named.add(photo.bytes));
  for (const item of await brought<Item[]>(outbox.getAll())) note(item.photos);
  const drafts = IDBKeyRange.bound("draft ", "draft \uffff");
  for (const draft of await brought<Partial<Draft>[]>(things.getAll(drafts))) note(draft.photos);
  const old = IDBKeyRange.upperBound(String(Date.now() - ORPHAN_MS).padStart(15, "0"));
  for (const name of await brought(bytes.getAllKeys(old))) {
    if (!named.has(String(name))) bytes.delete(name);
  }
  await kept;
}

export async function forgetBytes(photos: readonly Photo[]): Promise<void> {
  await write("bytes", (store) => photos.forEach(({ bytes }) => bytes && store.delete(bytes)));
}

export async function recall<T>(name: string): Promise<T | null> {
  return (await read<T | undefined>("things", (store) => store.get(name))) ?? null;
}

export async function remember(name: string, value: unknown): Promise<void> {
  await write("things", (store) => store.put(value, name));
}

/** All lists of tasks that a person had here, in any role, and the cells they lie in. */
export async function forgetTasks(holder: string): Promise<void> {
  await write("things", (store) => {
    store.delete(IDBKeyRange.bound(`tasks ${holder} `, `tasks ${holder} \uffff`));
    store.delete(`tasks ${holder}`); // as it was called once
    store.delete(IDBKeyRange.bound("cell ", "cell \uffff"));
  });
}

export async function forget(name: string): Promise<void> {
  await write("things", (store) => store.delete(name));
}

/** An id that nobody else makes, also where `crypto.randomUUID` is missing (plain http, old web views). */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
