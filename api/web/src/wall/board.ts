/** What a wall knows: every figure asked at its own pace, at once when something changed, and never invented here. */

import { type InjectionKey, inject, ref, type Ref, shallowRef, type ShallowRef } from "vue";
import { dated } from "@/age/pulse";
import { get, Refusal } from "@/client/ask";
import type { components, operations } from "@/client/openapi";
import type { Fact, Incident } from "@/client/wire";
import { newest, type Newest } from "@/incidents/newest";

type Schemas = components["schemas"];
export type Machines = Schemas["WallMachines"];
export type Behind = Schemas["WallBehind"];
export type BehindQuery = operations["behind_api_v1_wall_behind_get"]["parameters"]["query"];

/** Which part of the city a wall speaks of. */
export interface Scope {
  area: string | null;
  theme: string[] | null;
}

/** One figure or table: its newest answer, asked again every so often, and soon after a change. */
export interface Told<T> {
  readonly value: ShallowRef<T | null>;
  soon(): void;
}

interface Dated {
  data_at: string | null;
  lag_s: number | null;
}

const SOON_MS = 250;

/** Asks nothing before somebody looks. */
class Asking<T extends Dated> implements Told<T> {
  private readonly told: ShallowRef<T | null> = shallowRef(null) as ShallowRef<T | null>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private due = 0;
  private looked = false;
  private stopped = false;
  private asking = false;
  private again = false;

  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<T>,
    private readonly every: number,
    private readonly least: number,
  ) {}

  get value(): ShallowRef<T | null> {
    if (!this.looked) {
      this.looked = true;
      void this.run();
    }
    return this.told;
  }

  /** Something changed: ask again, but not more often than `least`. */
  soon(): void {
    if (this.looked) this.plan(Math.max(SOON_MS, this.least - (performance.now() - this.started)));
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.patience.abort();
  }

  private started = 0;
  private patience = new AbortController();

  private plan(wait: number): void {
    if (this.stopped) return;
    if (this.asking) {
      this.again = true;
      return;
    }
    const due = performance.now() + wait;
    if (this.timer !== undefined && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => void this.run(), wait);
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.asking = true;
    this.started = performance.now();
    this.patience = new AbortController();
    const timer = setTimeout(() => this.patience.abort(), 10_000);
    try {
      const told = await this.ask(this.patience.signal);
      if (this.stopped) return;
      dated(told);
      this.told.value = told;
    } catch (fault) {
      // A figure that could not be asked stays as it is; the age of the data says how old that is.
      if (!(fault instanceof Refusal) && !(fault instanceof DOMException)) throw fault;
    } finally {
      clearTimeout(timer);
      this.asking = false;
      this.plan(this.again ? Math.max(SOON_MS, this.least) : this.every);
      this.again = false;
    }
  }
}

export interface Board {
  scope: Scope;
  summary: Told<Schemas["WallSummary"]>;
  districts: Told<Schemas["WallAreas"]>;
  streets: Told<Schemas["WallAreas"]>;
  communities: Told<Schemas["WallAreas"]>;
  categories: Told<Schemas["WallCategories"]>;
  departments: Told<Schemas["WallDepartments"]>;
  trend: Told<Schemas["WallTrend"]>;
  response: Told<Schemas["WallResponse"]>;
  machines: Told<Schemas["WallMachines"]>;
  flow: Told<Schemas["WallFlow"]>;
  cells: Told<Schemas["WallCells"]>;
  heat: Told<Schemas["WallHeat"]>;
  /** Open incidents, the newest thousand at most. */
  open: Newest;
  urgent: Newest;
  /** The latest changes, for what moves on the map. */
  changes: Ref<readonly Fact[]>;
  stop(): void;
}

export const BOARD: InjectionKey<Board> = Symbol("board");

/** The board this widget stands on. */
export function useBoard(): Board {
  const board = inject(BOARD);
  if (!board) throw new Error("a widget stands on a wall");
  return board;
}

/** The incidents on the map and in the ticker. */
export const SHOWN_AT_MOST = 1000;

/** A board for a part of the city; stop it when another takes its place. */
export function board(scope: Scope): Board {
  const q = { area: scope.area ?? undefined, theme: scope.theme ?? undefined };
  const asked: Asking<Dated>[] = [];
  const told = <T extends Dated>(ask: (signal: AbortSignal) => Promise<T>, every: number, least: number): Told<T> => {
    const one = new Asking(ask, every, least);
    asked.push(one as unknown as Asking<Dated>);
    return one;
  };
  const areas = (level: "district" | "street" | "community") =>
    told((s) => get("/api/v1/wall/areas", { ...q, level }, undefined, s), 10_000, 3000);
  const changes = ref<readonly Fact[]>([]);
  const mine = (incident: Incident) =>
    (scope.area === null || (incident.cell ?? "").startsWith(scope.area)) &&
    (scope.theme === null || scope.theme.some((beginning) => incident.category.startsWith(beginning)));
  const isOpen = (incident: Incident) => incident.state !== "closed" && incident.state !== "void";
  const here = {
    scope,
    summary: told((s) => get("/api/v1/wall/summary", q, undefined, s), 2000, 1000),
    districts: areas("district"),
    streets: areas("street"),
    communities: areas("community"),
    categories: told((s) => get("/api/v1/wall/categories", q, undefined, s), 10_000, 3000),
    departments: told((s) => get("/api/v1/wall/departments", q, undefined, s), 10_000, 3000),
    trend: told((s) => get("/api/v1/wall/trend", { ...q, step: "hour" }, undefined, s), 30_000, 10_000),
    response: told((s) => get("/api/v1/wall/response", q, undefined, s), 30_000, 10_000),
    machines: told((s) => get("/api/v1/wall/machines", q, undefined, s), 20_000, 20_000),
    flow: told((s) => get("/api/v1/wall/flow", q, undefined, s), 2000, 2000),
    cells: told((s) => get("/api/v1/wall/cells", q, undefined, s), 10_000, 2000),
    heat: told((s) => get("/api/v1/wall/heat", q, undefined, s), 60_000, 30_000),
  };
  const bump = () => {
    for (const one of [here.summary, here.districts, here.streets, here.communities, here.categories, here.departments, here.trend, here.cells]) one.soon();
  };
  // A wall hangs for weeks: lists are bounded, and read again whole from time to time.
  const states: Incident["state"][] = ["reported", "confirming", "open", "dispatched", "handling", "suspended", "handled", "verifying"];
  const place = scope.area !== null && scope.area.length === 6 ? { district: scope.area } : {};
  const open = newest(
    { limit: SHOWN_AT_MOST, state: states, ...place },
    (incident) => isOpen(incident) && mine(incident),
    (facts) => {
      const ours = facts.filter((fact) => mine(fact.incident));
      if (!ours.length) return;
      changes.value = ours.slice(-50);
      bump();
    },
  );
  const urgent = newest({ limit: 100, urgent: true, state: states, ...place }, (incident) => incident.urgent && isOpen(incident) && mine(incident));
  const again = setInterval(() => {
    void open.reload();
    void urgent.reload();
  }, 120_000);
  const stop = () => {
    clearInterval(again);
    open.stop();
    urgent.stop();
    asked.forEach((one) => one.stop());
  };
  return { ...here, open, urgent, changes, stop };
}
