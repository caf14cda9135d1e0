/** 待传: what was reported and decided, kept on the phone until the server has it; one at a time, each once.
 *
 * Needs no service worker: the page sends when it opens, comes to the front, hears of a network, and every 30 s.
 */

import { computed, ref, shallowRef, watch } from "vue";
import { line } from "@/age/pulse";
import { Refusal, send } from "@/client/ask";
import { deliver, meaning, PhotoRefused } from "./deliver";
import { person, resume } from "@/session/session";
import { ahead, hearTime, serverNow } from "./signal";
import { askWhoIAm, me, roleAsked } from "./me";
import { allItems, changeItems, forgetBytes, type Item, newId, type Photo, type Report, type Step, sweep } from "./store";

const TIMER_MS = 30_000;
const LONGEST_PAUSE_MS = 60_000;
const KEEP_SENT_MS = 7 * 86_400_000;
/** The server remembers a key for a day; a report whose fate is unknown for nearly as long is the person's to judge. */
const SURE_MS = 20 * 3_600_000;

const everything = shallowRef<readonly Item[]>([]);
/** Why nothing is sent just now; null: nothing stands in the way. */
export const hindered = ref<"no_answer" | "login" | null>(null);
/** How many things have arrived since the page stands. */
export const arrived = ref(0);
/** What this person has on the phone, the newest first. */
export const items = computed(() => everything.value.filter((item) => item.by === me.value.name));
export const unsent = computed(() => items.value.filter((item) => item.way !== "sent"));
/** Things that wait under anybody's name: shown at the door, sent when that one is in again. */
export const waitingForAnybody = computed(() => everything.value.filter((item) => item.way !== "sent").length);

/** Read the store again: after a change, and when another tab may have made one. */
export async function look(): Promise<void> {
  everything.value = (await allItems()).sort((a, b) => b.made - a.made);
}

/** Keep something to be sent and try at once. */
export async function keep(what: Report | Step, photos: readonly Photo[]): Promise<Item> {
  const item: Item = {
    id: newId(), by: me.value.name, as: roleAsked(), made: Date.now(), what, photos: [...photos],
    way: "waiting", tried: null, why: null, answer: null, sent: null,
  }; // prettier-ignore
  await changeItems((all) => new Map([[item.id, chained(inOrder(item, all), all)]]));
  void navigator.storage?.persist?.().catch(() => false);
  await look();
  kick();
  return item;
}

/** Made after all that was made before it, though the phone's clock was put back meanwhile. */
const inOrder = (item: Item, all: readonly Item[]): Item => ({ ...item, made: Math.max(item.made, ...all.map((one) => (one.way === "sent" ? 0 : one.made + 1))) });

/** A move goes after the unsent ones on the same incident: it was decided on what they will have made of it. */
function chained(item: Item, all: readonly Item[]): Item {
  const what = item.what;
  if (what.kind !== "step") return item;
  const before = all
    .filter((one) => one.by === item.by && one.way !== "sent" && one.what.kind === "step" && one.what.number === what.number)
    .sort((a, b) => a.made - b.made)
    .pop();
  return before ? { ...item, what: { ...what, after: before.id } } : item;
}

/** Give up something unsent, and what was to follow it: only ever at the person's word. */
export async function drop(id: string): Promise<void> {
  await changeItems((all) => new Map(withFollowers(id, all).map((one) => [one, null])));
  await look();
}

export function withFollowers(id: string, all: readonly Item[]): string[] {
  const next = all.filter((one) => one.what.kind === "step" && one.what.after === id);
  return [id, ...next.flatMap((one) => withFollowers(one.id, all))];
}

/** Send again what was stopped, as the person changed it. */
export async function again(id: string, change: (item: Item) => Item): Promise<void> {
  await patch(id, (item) => ({ ...change(item), way: "waiting", why: null, tried: null }));
  await look();
  kick();
}

async function patch(id: string, change: (item: Item) => Item): Promise<Item | null> {
  let after: Item | null = null;
  await changeItems((all) => {
    const found = all.find((one) => one.id === id);
    after = found ? change(found) : null;
    return after ? new Map([[id, after]]) : new Map();
  });
  return after;
}

/** A phone's clock that is wrong by more is put right. */
const SKEWED_MS = 120_000;
let running = false;
let failures = 0;
/** By the clock that is never put right. */
let notBefore = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Try now, whatever the pause. */
export function kick(): void {
  notBefore = 0;
  void flush();
}

function kickIfSeen(): void {
  if (document.visibilityState === "visible") kick();
}

/** Send what waits, the oldest first, until something hinders. */
export async function flush(): Promise<void> {
  if (running || performance.now() < notBefore || !me.value.name) return;
  running = true;
  try {
    if (!next(await allItems())) return void (hindered.value = null);
    const alive = await send("livez", {}, { cache: "no-store" }); // what fails here was surely not sent
    hearTime(alive);
    await askWhoIAm(); // what one person decided is never sent under the name of another
    if (!person.value?.name) return pause(person.value ? "no_answer" : "login");
    for (let item = next(await allItems()); item; item = next(await allItems())) {
      if (!(await attempt(item))) return;
    }
    cleared();
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    pause("no_answer");
  } finally {
    running = false;
    await look();
    arm();
  }
}

function cleared(): void {
  failures = 0;
  hindered.value = null;
}

function next(all: Item[]): Item | undefined {
  const waits = (item: Item) => item.way === "waiting" && item.by === me.value.name;
  const free = (item: Item) => item.what.kind === "report" || !item.what.after || !all.some((one) => one.id === (item.what as Step).after && one.way !== "sent");
  return all.sort((a, b) => a.made - b.made).find((item) => waits(item) && free(item));
}

/** One thing once; whether to go on with the next. */
async function attempt(item: Item): Promise<boolean> {
  if (item.what.kind === "report" && item.tried !== null && Date.now() - item.tried > SURE_MS) {
    const doubt = { status: 0, code: "doubt", zh: "可能已经送达，请先核对", en: "it may have arrived: look first" };
    await patch(item.id, (one) => ({ ...one, way: "stopped", why: doubt }));
    return true;
  }
  try {
    const save = async (change: Partial<Item>) => {
      const kept = await patch(item.id, (one) => ({ ...one, ...change }));
      if (!kept) throw new Withdrawn(); // the person took it back before it was sent
      return kept;
    };
    const answer = await deliver(await righted(item, save), save);
    await changeItems((all) => delivered(item.id, answer, all));
    await forgetBytes(item.photos);
    arrived.value += 1;
    cleared();
    return true;
  } catch (fault) {
    if (fault instanceof Withdrawn) return true;
    if (!(fault instanceof Refusal)) throw fault;
    return refused(item, fault);
  } finally {
    await look();
  }
}

class Withdrawn extends Error {}

/** What a phone says of time when its clock is wrong, or was until the network put it right, by the server's before it is
 * first sent: nothing was seen later than now.
 */
async function righted(item: Item, save: (change: Partial<Item>) => Promise<Item>): Promise<Item> {
  if (item.what.kind !== "report" || item.righted || item.tried !== null) return item;
  const told = Date.parse(item.what.at);
  const at = Math.min(Math.abs(ahead) < SKEWED_MS ? told : told - ahead, serverNow());
  if (told - at < SKEWED_MS && at - told < SKEWED_MS) return item;
  return save({ righted: true, what: { ...item.what, at: new Date(at).toISOString() } });
}

/** The one that arrived, its bytes let go; what follows it goes on from the version it made. */
function delivered(id: string, answer: NonNullable<Item["answer"]>, all: Item[]): Map<string, Item> {
  const changed = new Map<string, Item>();
  for (const one of all) {
    if (one.id === id) {
      const photos = one.photos.map((photo) => ({ ...photo, bytes: null }));
      changed.set(id, { ...one, photos, way: "sent", why: null, answer, sent: Date.now() });
    } else if (one.what.kind === "step" && one.what.after === id) {
      changed.set(one.id, { ...one, what: { ...one.what, after: null, version: answer.version } });
    }
  }
  return changed;
}

async function refused(item: Item, fault: Refusal): Promise<boolean> {
  const left = typeof fault.told.left === "number" ? { left: fault.told.left } : {};
  const why = { status: fault.status, code: fault.code, zh: fault.zh, en: fault.en, ...left, ...(fault instanceof PhotoRefused ? { photo: fault.at } : {}) };
  const what = meaning(why);
  // A clear refusal had no effect: the next try is the first again.
  if (fault.status !== 0 && fault.status < 500) await patch(item.id, (one) => ({ ...one, tried: null }));
  if (what === "ask") {
    await patch(item.id, (one) => ({ ...one, way: "stopped", why }));
    return true;
  }
  pause(what === "login" ? "login" : "no_answer");
  if (what === "login") void resume(); // to the door; what waits here is told there
  return false;
}

function pause(why: "no_answer" | "login"): void {
  hindered.value = why;
  failures += 1;
  notBefore = performance.now() + Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** failures) * (0.75 + Math.random() / 2);
}

function arm(): void {
  clearTimeout(timer);
  const waits = everything.value.some((item) => item.way === "waiting" && item.by === me.value.name);
  const pause_ = notBefore - performance.now();
  const ms = waits && pause_ > 0 ? Math.min(TIMER_MS, pause_ + 50) : TIMER_MS;
  timer = setTimeout(() => void flush().then(arm), ms);
}

// A live line that stands again is the first sign of a server that is back.
watch(line, (now) => now === "up" && kick());

/** Begin: look, forget what was sent long ago, and send. */
export async function beginSending(): Promise<void> {
  await changeItems((all) => {
    const old = all.filter((one) => one.way === "sent" && Date.now() - (one.sent ?? 0) > KEEP_SENT_MS);
    return new Map(old.map((one) => [one.id, null]));
  });
  void sweep();
  await look();
  window.addEventListener("online", kick);
  document.addEventListener("visibilitychange", kickIfSeen);
  arm();
  kick();
}
