/** The newest incidents, read once and kept right by the live line; what comes in a burst is taken in together. */

import { type ShallowRef, shallowRef } from "vue";
import { get, Refusal } from "@/client/ask";
import type { operations } from "@/client/openapi";
import { follow } from "@/client/stream";
import type { Fact, Incident } from "@/client/wire";
import { line } from "@/age/pulse";

type Question = NonNullable<operations["incidents_api_v1_incidents_get"]["parameters"]["query"]>;

/** Changes are shown together, at most so often: a thousand a second are ten repaints. */
const TOGETHER_MS = 100;
const AGAIN_MS = 3_000;

export interface Newest {
  readonly items: ShallowRef<readonly Incident[]>;
  /** Read the list again. */
  reload(): Promise<void>;
  stop(): void;
}

/** Follow the newest incidents that `wanted` lets in; `changed` is called after each batch. */
export function newest(
  question: Question,
  wanted: (incident: Incident) => boolean,
  changed: (facts: readonly Fact[]) => void = () => {},
): Newest {
  const most = question.limit ?? 100;
  const known = new Map<string, Incident>();
  const items = shallowRef<readonly Incident[]>([]);
  let waiting: Fact[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;

  const publish = () => {
    const sorted = [...known.values()].sort((a, b) => (a.reported_at < b.reported_at ? 1 : a.reported_at > b.reported_at ? -1 : 0));
    for (const gone of sorted.splice(most)) known.delete(gone.number);
    items.value = sorted;
  };
  const take = (incident: Incident) => {
    const before = known.get(incident.number);
    if (before && before.version > incident.version) return;
    if (wanted(incident)) known.set(incident.number, incident);
    else known.delete(incident.number);
  };
  const flush = () => {
    timer = undefined;
    const facts = waiting;
    waiting = [];
    for (const fact of facts) take(fact.incident);
    publish();
    changed(facts);
  };
  const reload = async () => {
    clearTimeout(again);
    try {
      const page = await get("/api/v1/incidents", question);
      if (stopped) return;
      known.clear();
      for (const incident of page.items) take(incident);
      publish();
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      if (!stopped) again = setTimeout(() => void reload(), AGAIN_MS);
    }
  };

  let wasUp = false;
  const unfollow = follow({
    facts(facts) {
      waiting.push(...facts);
      timer ??= setTimeout(flush, TOGETHER_MS);
    },
    reset: () => void reload(),
    line(state) {
      line.value = state;
      // The line stands before the list is read, so nothing falls between the two.
      if (state === "up" && !wasUp) void reload();
      wasUp ||= state === "up";
    },
  });
  void reload();
  const stop = () => {
    stopped = true;
    unfollow();
    clearTimeout(timer);
    clearTimeout(again);
  };
  return { items, reload, stop };
}
