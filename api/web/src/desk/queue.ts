/** The queue: pages by key from the server, kept right by the live line, shown in an order that holds still on demand.
 *
 * Two orders stand side by side. `order` is always right; `shown` is what a person looks at. While the pointer or the
 * keyboard is in the list, `shown` keeps every row in its place: rows change their words where they are, and what is
 * new is counted and announced.
 */

import { computed, ref, shallowRef, triggerRef } from "vue";
import { get, Refusal } from "@/client/ask";
import { follow } from "@/client/stream";
import type { Fact, Incident } from "@/client/wire";
import { line } from "@/age/pulse";
import { fits, judged, question, type Wanted } from "./boards";
import { heat } from "./burning";

const PAGE = 300;
const TOGETHER_MS = 100;
const AGAIN_MS = 2_000;

export type Queue = ReturnType<typeof openQueue>;

/** Follow the incidents that are wanted; `heard` is told of every fact of this account's. */
export function openQueue(heard: (facts: readonly Fact[]) => void) {
  const known = new Map<string, Incident>();
  const heats = new Map<string, number>();
  let order: string[] = [];
  let inOrder = new Set<string>();
  let inSight = new Set<string>();
  let cursor: string | undefined;
  let asking = 0;
  let waiting: Fact[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  const wanted = ref<Wanted>({});
  const shown = shallowRef<readonly string[]>([]);
  const changed = ref(0);
  const held = ref(false);
  const fresh = ref(0);
  const complete = ref(false);
  const loading = ref(false);
  const refused = shallowRef<Refusal | null>(null);

  const before = (a: string, b: string) => (heats.get(a) ?? 0) - (heats.get(b) ?? 0) || (a < b ? -1 : a > b ? 1 : 0);

  function publish(): void {
    order.sort(before);
    if (held.value && shown.value.length) {
      // What more pages bring comes behind what is shown: nothing above it moves.
      if (growing) show([...shown.value, ...order.filter((number) => !inSight.has(number))]);
      fresh.value = order.reduce((n, number) => n + (inSight.has(number) ? 0 : 1), 0);
    } else {
      fresh.value = 0;
      show([...order]);
      for (const number of known.keys()) if (!inOrder.has(number)) forget(number);
    }
    growing = false;
    changed.value += 1;
  }
  let growing = false;

  function show(numbers: string[]): void {
    shown.value = numbers;
    inSight = new Set(numbers);
  }

  /** A page that is open for a week keeps nothing of what is over. */
  function forget(number: string): void {
    known.delete(number);
    heats.delete(number);
  }

  function put(one: Incident): void {
    const old = known.get(one.number);
    if (old && old.version > one.version) return;
    known.set(one.number, one);
    heats.set(one.number, heat(one));
    if (inOrder.has(one.number)) return;
    inOrder.add(one.number);
    order.push(one.number);
  }

  function takeOut(one: Incident): void {
    const old = known.get(one.number);
    if (!old || old.version > one.version) return;
    known.set(one.number, one);
    if (!inOrder.delete(one.number)) return;
    order = order.filter((number) => number !== one.number);
    if (!inSight.has(one.number)) forget(one.number);
  }

  function last(): number {
    const number = order[order.length - 1];
    return number === undefined ? Infinity : (heats.get(number) ?? Infinity);
  }

  function flush(): void {
    timer = undefined;
    const facts = waiting;
    waiting = [];
    const edge = complete.value ? Infinity : last();
    let unsure = false;
    for (const { incident } of facts) {
      const sure = judged(wanted.value, incident);
      if (!fits(incident, wanted.value)) takeOut(incident);
      else if (sure ? inOrder.has(incident.number) || heat(incident) <= edge : inOrder.has(incident.number)) put(incident);
      else unsure ||= !sure;
      if (!sure && inOrder.has(incident.number)) unsure = true;
    }
    publish();
    heard(facts);
    if (unsure) again ??= setTimeout(() => void load(true), AGAIN_MS);
  }

  /** Read from the beginning; `quiet` keeps what is shown until the answer is here. */
  async function load(quiet = false): Promise<void> {
    clearTimeout(again);
    again = undefined;
    const turn = ++asking;
    if (!quiet) {
      known.clear();
      heats.clear();
      order = [];
      inOrder = new Set();
      show([]); // an empty list has no order to hold: what comes first stands as it is
      fresh.value = 0;
      changed.value += 1;
    }
    loading.value = true;
    try {
      const page = await get("/api/v1/incidents", question(wanted.value, PAGE));
      if (turn !== asking || stopped) return;
      order = [];
      inOrder = new Set();
      page.items.forEach(put);
      settle(page.next);
    } catch (fault) {
      refuse(fault, turn, () => void load(quiet));
    } finally {
      if (turn === asking) loading.value = false;
    }
  }

  /** Read the next page, if there is one. */
  async function more(): Promise<void> {
    if (loading.value || complete.value || !cursor) return;
    const turn = asking;
    loading.value = true;
    try {
      const page = await get("/api/v1/incidents", question(wanted.value, PAGE, cursor));
      if (turn !== asking || stopped) return;
      page.items.forEach(put);
      growing = true;
      settle(page.next);
    } catch (fault) {
      refuse(fault, turn, () => void more());
    } finally {
      if (turn === asking) loading.value = false;
    }
  }

  function settle(next: string | null): void {
    cursor = next ?? undefined;
    complete.value = next === null;
    refused.value = null;
    publish();
  }

  function refuse(fault: unknown, turn: number, retry: () => void): void {
    if (!(fault instanceof Refusal)) throw fault;
    if (turn !== asking || stopped) return;
    refused.value = fault;
    if (fault.status === 0 || fault.status >= 500) again ??= setTimeout(retry, AGAIN_MS);
  }

  /** Show the right order now. */
  function reorder(): void {
    const was = held.value;
    held.value = false;
    publish();
    held.value = was;
  }

  function hold(on: boolean): void {
    if (held.value === on) return;
    held.value = on;
    if (!on) publish();
  }

  /** Take in what an answer of the server said of an incident, before the live line does. */
  function learn(one: Incident): void {
    if (fits(one, wanted.value)) {
      if (inOrder.has(one.number)) put(one);
    } else takeOut(one);
    publish();
    triggerRef(shown);
  }

  let wasUp = false;
  const unfollow = follow({
    facts(facts) {
      waiting.push(...facts);
      timer ??= setTimeout(flush, TOGETHER_MS);
    },
    reset: () => void load(true),
    line(state) {
      line.value = state;
      // The line stands before the list is read, so nothing falls between the two.
      if (state === "up" && !wasUp) void load(shown.value.length > 0);
      wasUp ||= state === "up";
    },
  });

  return {
    wanted,
    shown,
    changed,
    held,
    fresh,
    complete,
    loading,
    refused,
    count: computed(() => shown.value.length),
    /** How many there are now, whatever still stands in sight; null: not all are read. */
    total: computed(() => (void changed.value, complete.value ? order.length : null)),
    of: (number: string): Incident | undefined => known.get(number),
    within: (number: string): boolean => inOrder.has(number),
    ask(what: Wanted) {
      wanted.value = what;
      void load();
    },
    load,
    more,
    reorder,
    hold,
    learn,
    stop() {
      stopped = true;
      unfollow();
      clearTimeout(timer);
      clearTimeout(again);
    },
  };
}
