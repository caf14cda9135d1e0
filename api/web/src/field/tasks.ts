/** My tasks 待办: read, kept right by the live line, kept on the phone for the time without a network, put in order. */

import { computed, ref, shallowRef, watch } from "vue";
import { line } from "@/age/pulse";
import { follow, wanted } from "@/client/stream";
import type { Incident, State } from "@/client/wire";
import { newest } from "@/incidents/newest";
import { fetchAhead } from "./cells";
import { isCrew, isInspector, me } from "./me";
import { arrived, items, unsent } from "./outbox";
import { direction, hereWgs84, metres } from "./place";
import { ASKS, wayOf } from "./steps";
import { recall, remember } from "./store";

export const STATES_OF: Record<string, State[]> = {
  inspector: ["confirming", "verifying"],
  department: ["dispatched", "handling", "suspended"],
};
const AT_MOST = 200;
/** The list is written down at most so often, however fast it changes. */
const WRITE_MS = 3_000;
/** A task that was given to somebody else is not told of: the list is read again so often, while it is looked at, and
 * whenever the phone comes out of the pocket. */
const AGAIN_MS = 60_000;

export interface Task {
  incident: Incident;
  /** The state once the phone's unsent moves have arrived. */
  state: State;
  /** Moves that wait to be sent. */
  waiting: number;
  metres: number | null;
  direction: number | null;
}

interface Kept {
  by: string;
  at: number;
  items: readonly Incident[];
}

const known = shallowRef<readonly Incident[]>([]);
/** When the list was last right; null: never yet. */
export const readAt = ref<number | null>(null);
/** Whether the list is put in the order of a walk, or of what is due. */
export const byDistance = ref(true);

const isMine = (one: Incident): boolean => {
  if (!(STATES_OF[me.value.role] ?? []).includes(one.state)) return false;
  return isCrew.value ? one.department === me.value.department : one.inspector === me.value.name && !one.verified_at;
};

/** For whom there are no tasks here, the live line still tells whether the server is heard. */
const hearOnly = (): (() => void) => follow({ facts: () => {}, reset: () => {}, line: (state) => (line.value = state) });

/** Begin to follow; the returned function ends it. */
export function followTasks(): () => void {
  wanted.mine = isCrew.value ? undefined : true; // a department hears of its own only, anyway
  if (!(me.value.role in STATES_OF)) return hearOnly();
  const holder = me.value.name;
  const name = `tasks ${holder} ${me.value.role} ${me.value.department ?? ""}`;
  byDistance.value = isInspector.value;
  let ended = false;
  let writing: ReturnType<typeof setTimeout> | undefined;
  let written = 0;
  const write = () => {
    writing = undefined;
    written = Date.now();
    void remember(name, { by: holder, at: readAt.value ?? Date.now(), items: known.value } satisfies Kept);
    void fetchAhead(tasks.value.flatMap((task) => task.incident.cell ?? []));
  };
  void recall<Kept>(name).then((kept) => {
    if (!kept || ended || readAt.value !== null) return;
    known.value = kept.items;
    readAt.value = kept.at;
  });
  const list = newest({ mine: true, state: STATES_OF[me.value.role], limit: AT_MOST }, isMine);
  const unwatch = watch(list.items, (read) => {
    known.value = read ?? [];
    readAt.value = Date.now();
    writing ??= setTimeout(write, Math.max(0, written + WRITE_MS - Date.now()));
  });
  // The line does not tell a department of what leaves it: after each step of one's own the list is read.
  const reread = watch(arrived, () => void list.reload());
  const look = () => document.visibilityState === "visible" && void list.reload();
  const again = setInterval(look, AGAIN_MS);
  document.addEventListener("visibilitychange", look);
  return () => {
    ended = true;
    clearInterval(again);
    document.removeEventListener("visibilitychange", look);
    if (writing !== undefined) {
      clearTimeout(writing);
      if (me.value.name === holder) write(); // who went out leaves no list behind
    }
    unwatch();
    reread();
    list.stop();
    known.value = [];
    readAt.value = null;
  };
}

/** Steps of this phone that arrived after the list was read. */
const told = (incident: Incident) =>
  items.value.filter((item) => item.what.kind === "step" && item.answer?.number === incident.number && item.answer.version > incident.version);

function asItWillBe(incident: Incident): { state: State; waiting: number } {
  let { state } = incident;
  let newest = incident.version;
  for (const { answer } of told(incident)) {
    if (answer && answer.version > newest) [state, newest] = [answer.state as State, answer.version];
  }
  const steps = unsent.value.filter((item) => item.what.kind === "step" && item.what.number === incident.number);
  for (const item of [...steps].reverse()) {
    if (item.way === "waiting" && item.what.kind === "step") state = wayOf(item.what.move).to ?? state;
  }
  return { state, waiting: steps.length };
}

/** Whether something is still to be done here by the holder once all was sent. */
const remains = (task: Task): boolean => {
  const done = [...unsent.value, ...told(task.incident)].some(
    (item) => item.way !== "stopped" && item.what.kind === "step" && item.what.number === task.incident.number && ["verified", "decline"].includes(item.what.move),
  );
  return !done && (STATES_OF[me.value.role] ?? []).includes(task.state);
};

const all = computed<Task[]>(() =>
  known.value.map((incident) => {
    const from = hereWgs84.value;
    const to = incident.lon !== null && incident.lat !== null ? { lon: incident.lon, lat: incident.lat } : null;
    const near = from && to ? { metres: metres(from, to), direction: direction(from, to) } : { metres: null, direction: null };
    return { incident, ...asItWillBe(incident), ...near };
  }),
);

/** What is to be done, in the order chosen. */
export const tasks = computed<Task[]>(() => {
  const open = all.value.filter(remains);
  return byDistance.value && hereWgs84.value ? walk(open) : [...open].sort(byDue);
});

export const taskOf = (number: string): Task | undefined => all.value.find((task) => task.incident.number === number);

/** Whether a request of the department waits on it, made on this phone. */
export const hasAsked = (number: string): boolean =>
  unsent.value.some((item) => item.what.kind === "step" && item.what.number === number && ASKS.includes(item.what.move));

const due = (task: Task): string => task.incident.stage_due_at ?? task.incident.due_at ?? "9999";
const byDue = (a: Task, b: Task): number =>
  Number(b.incident.urgent) - Number(a.incident.urgent) || (due(a) < due(b) ? -1 : due(a) > due(b) ? 1 : 0);

/** The urgent first; then always the nearest that is left, from where the last one lay. What has no place comes last. */
function walk(open: Task[]): Task[] {
  const urgent = open.filter((task) => task.incident.urgent).sort((a, b) => (a.metres ?? Infinity) - (b.metres ?? Infinity));
  const left = new Set(open.filter((task) => !task.incident.urgent && task.metres !== null));
  const way = [...urgent];
  let from = hereWgs84.value;
  while (left.size && from) {
    let best: Task | null = null;
    let least = Infinity;
    for (const task of left) {
      const far = metres(from, task.incident as { lon: number; lat: number });
      if (far < least) [best, least] = [task, far];
    }
    if (!best) break;
    left.delete(best);
    way.push(best);
    from = best.incident as { lon: number; lat: number };
  }
  return [...way, ...open.filter((task) => !task.incident.urgent && task.metres === null).sort(byDue)];
}
