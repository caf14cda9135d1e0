/** Moves: sent once under a key of their own, kept while the server is away, answered with the incident or a conflict.
 *
 * What waits is kept in this tab, so that neither a killed server nor a page read again loses it; the Idempotency-Key
 * stays with it, so that a move whose answer got lost is not made twice.
 */

import { computed, ref } from "vue";
import { identity, Refusal, send } from "@/client/ask";
import type { components } from "@/client/openapi";
import { person } from "@/session/session";

export type Whole = components["schemas"]["IncidentWhole"];
export type MoveShown = components["schemas"]["MoveShown"];
export type Given = components["schemas"]["MoveGiven"];

/** A move on its way. */
export interface Errand {
  key: string;
  number: string;
  version: number;
  body: Given;
  /** Whose it is: it waits for him to be in again, and is sent by nobody else. */
  who: string;
  /** The role it was decided in, "" for the account's own: it is sent in that one, whatever is acted in by then. */
  as: string;
}

export type Outcome =
  | { kind: "done"; incident: Whole }
  | { kind: "conflict"; current: Whole | null }
  | { kind: "refused"; why: Refusal }
  | { kind: "away" };

const KEPT = "yiwang.desk.pending";
const AGAIN_MS = 2_000;

function remembered(): Errand[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? (found as Errand[]) : [];
  } catch {
    return [];
  }
}

/** What the server has not answered yet. */
export const pending = ref<Errand[]>(remembered());
/** What of it is of him who is in; while the server is away nobody knows who that is. */
export const own = computed(() => pending.value.filter((one) => !one.who || !person.value?.name || one.who === person.value.name));

function keep(rest: Errand[]): void {
  pending.value = rest;
  if (rest.length) sessionStorage.setItem(KEPT, JSON.stringify(rest));
  else sessionStorage.removeItem(KEPT);
}

export const takeBack = (key: string): void => keep(pending.value.filter((one) => one.key !== key));

/** A name nobody else gives: also where a page is served without TLS and `crypto.randomUUID` is missing. */
function named(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `desk-${[...bytes].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

export const errand = (number: string, version: number, body: Given): Errand => ({ key: named(), number, version, body, who: person.value?.name ?? "", as: identity.role ?? "" });

/** Send it once; `away` keeps it for later. */
export async function attempt(one: Errand): Promise<Outcome> {
  if (!pending.value.some((other) => other.key === one.key)) keep([...pending.value, one]);
  const outcome = await sent(one);
  if (outcome.kind !== "away") takeBack(one.key);
  else later();
  return outcome;
}

async function sent(one: Errand): Promise<Outcome> {
  try {
    const answer = await send(`api/v1/incidents/${encodeURIComponent(one.number)}/moves`, {}, {
      method: "POST",
      headers: { "Content-Type": "application/json", "If-Match": `"v${one.version}"`, "Idempotency-Key": one.key, "Yiwang-Role": one.as ?? "" },
      body: JSON.stringify(one.body),
    });
    return { kind: "done", incident: (await answer.json()) as Whole };
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.status === 0 || fault.status === 401 || fault.status >= 500 || fault.code === "key_in_flight") return { kind: "away" };
    if (fault.status === 412) return { kind: "conflict", current: (fault.told.current as Whole | undefined) ?? null };
    return { kind: "refused", why: fault };
  }
}

/** Called with what became of a move that had to wait. */
let settled: (one: Errand, outcome: Outcome) => void = () => {};
export const onSettled = (call: typeof settled): void => {
  settled = call;
};

let timer: ReturnType<typeof setTimeout> | undefined;

/** Try what waits until the server answers. */
export function later(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void flush();
  }, AGAIN_MS);
}

async function flush(): Promise<void> {
  if (person.value === null) return; // who comes in goes on with it
  if (!person.value.name) return later();
  for (const one of own.value) {
    const outcome = await sent(one);
    if (outcome.kind === "away") return later();
    takeBack(one.key);
    settled(one, outcome);
  }
}
