/** One thing brought to the server: its photos first, then itself under its own key; and what a refusal means. */

import { get, Refusal, send } from "@/client/ask";
import { bytesOf, type Item, type Photo, type Report, type Step, type Why } from "./store";

const PHOTO_MS = 120_000;
const WORDS_MS = 25_000;

/** A refusal of one photo, counted from 0. */
export class PhotoRefused extends Refusal {
  constructor(fault: Refusal, readonly at: number) {
    super(fault.status, fault.code, fault.zh, fault.en, fault.told);
  }
}
/** The browser let go of what it had kept; never left out in silence. */
const GONE = new Refusal(422, "photo_unfit", "手机里已读不出这张照片，请删除或重拍", "this photo cannot be read on the phone any more: remove it or take it again");

type Answer = NonNullable<Item["answer"]>;

/** Send it; a Refusal where it was not taken. `save` keeps what became known on the way. */
export async function deliver(item: Item, save: (change: Partial<Item>) => Promise<Item>): Promise<Answer> {
  let now = item;
  for (let at = 0; at < now.photos.length; at++) {
    const photo = now.photos[at];
    if (!photo?.bytes || photo.id) continue;
    const data = await bytesOf(photo.bytes);
    if (!data) throw new PhotoRefused(GONE, at);
    const id = await upload(photo, data, { "Idempotency-Key": `${item.id}-${at}`, ...inRole(item) }).catch((fault) => {
      throw fault instanceof Refusal ? new PhotoRefused(fault, at) : fault;
    });
    now = await save({ photos: now.photos.map((one, place) => (place === at ? { ...one, id } : one)) });
  }
  const media = now.photos.map((photo) => photo.id).filter((id): id is string => id !== null);
  const body = now.what.kind === "report" ? await reportBody(now.what, media) : stepBody(now.what, media);
  now = await save({ tried: now.tried ?? Date.now() });
  return now.what.kind === "report" ? report(now, body) : step(now, now.what, body);
}

/** What was decided in one of a person's roles is sent in it, whichever he has now. */
const inRole = (item: Item): Record<string, string> => (item.as ? { "Yiwang-Role": item.as } : {});

async function upload(photo: Photo, data: ArrayBuffer, more: Record<string, string>): Promise<string> {
  const headers = { "Content-Type": "image/jpeg", ...more };
  const answer = await within(PHOTO_MS, (signal) =>
    send("api/v1/media", { kind: photo.kind }, { method: "POST", headers, body: data, signal }),
  );
  return ((await answer.json()) as { id: string }).id;
}

async function reportBody(what: Report, media: string[]): Promise<object> {
  const position = what.fix
    ? { lon: what.fix.lon, lat: what.fix.lat, datum: what.fix.datum, accuracy: what.fix.accuracy }
    : await middleOf(what.cell ?? "");
  return { text: what.text, position, at: what.at, media, ...(what.category ? { category: what.category } : {}) };
}

/** A place in a cell for who had no fix, as uncertain as the cell is wide. */
async function middleOf(code: string): Promise<object> {
  const cell = await get("/api/v1/grid/cells/{code}", undefined, { code });
  return { lon: cell.lon, lat: cell.lat, datum: "wgs84", accuracy: Math.round(Math.sqrt(cell.area_m2)) };
}

function stepBody(what: Step, media: string[]): object {
  const more: Record<string, unknown> = {};
  if (what.reason) more.reason = what.reason;
  if (what.until) more.until = what.until;
  if (media.length) more.media = media;
  return { move: what.move, ...more };
}

async function report(item: Item, body: object): Promise<Answer> {
  const told = await post("api/v1/reports", item.id, body, inRole(item));
  return { number: told.number, state: told.state, version: told.version, joined: told.outcome === "joined" };
}

async function step(item: Item, what: Step, body: object): Promise<Answer> {
  const path = `api/v1/incidents/${encodeURIComponent(what.number)}/moves`;
  const told = await post(path, item.id, body, { "If-Match": `"v${what.version}"`, ...inRole(item) });
  return { number: told.number, state: told.state, version: told.version, joined: false };
}

interface Told {
  number: string;
  state: string;
  version: number;
  outcome?: string;
}

async function post(path: string, key: string, body: object, more: Record<string, string>): Promise<Told> {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, ...more };
  const answer = await within(WORDS_MS, (signal) =>
    send(path, {}, { method: "POST", headers, body: JSON.stringify(body), signal }),
  );
  return (await answer.json()) as Told;
}

/** With patience: a line that hangs is as good as none, and the same key makes a second try harmless. */
async function within<T>(ms: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ms);
  try {
    return await act(patience.signal);
  } catch (fault) {
    if (fault instanceof Refusal) throw fault;
    throw new Refusal(0, "no_answer", "服务器没有应答", "the server does not answer");
  } finally {
    clearTimeout(timer);
  }
}

/** What to do about a refusal: try again later, come in again, or ask the person. */
export function meaning(why: Why): "later" | "login" | "ask" {
  if (why.status === 401 || why.code === "password_due") return "login";
  if (why.code === "key_in_flight" || [0, 408, 425, 429].includes(why.status) || why.status >= 500) return "later";
  return "ask";
}
