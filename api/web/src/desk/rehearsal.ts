/** Rehearsing 预演 from a page: the words, the span of time, the figures that are shown and the lines of their lists. */

import { get, type Refusal, send } from "@/client/ask";
import type { components } from "@/client/openapi";
import { categoryName, departmentName } from "@/incidents/names";
import { both, clock, span, tongue } from "@/words/words";
import { half } from "./words";

export type Rehearsal = components["schemas"]["RehearsalShown"];
export type Kind = Rehearsal["kind"];
export type Line = Record<string, unknown>;
type Counts = Record<string, unknown>;

const WORDS = {
  title: ["预演", "Rehearsal"],
  hint: ["用上面的全文重走已存的数据，不改变任何案件", "the text above over stored history; no incident is changed"],
  today: ["今天", "Today"],
  yesterday: ["昨天", "Yesterday"],
  week: ["近 7 天", "Last 7 days"],
  running: ["预演中 {n}%", "Rehearsing, {n}%"],
  failed: ["预演没有完成：{why}", "Not rehearsed to its end: {why}"],
  interrupted: ["预演被中断", "The rehearsal was interrupted"],
  again: ["重新预演", "Once more"],
  not_json: ["不是 JSON：{why}", "Not JSON: {why}"],
  more: ["再显示一些", "Show more"],
  would_open: ["会立案 {n} 件", "{n} would be opened"],
  really_opened: ["实际立案 {n} 件", "{n} really were"],
  new: ["新增 {n} 件", "{n} new"],
  same: ["照样立案 {n} 件", "{n} opened as they were"],
  gone: ["不再立案 {n} 件", "{n} no longer opened"],
  sent: ["派遣过 {n} 件", "{n} were sent out"],
  changed: ["会有不同 {n} 件", "{n} would differ"],
  department_changes: ["换部门 {n} 件", "{n} to another department"],
  incidents: ["派遣过 {n} 件", "{n} were sent out"],
  newly_overdue: ["会超时 {n} 次", "{n} would be overdue"],
  no_longer_overdue: ["不再超时 {n} 次", "{n} no longer overdue"],
  queue: ["派遣员待派队列", "the dispatcher's queue"],
} as const satisfies Record<string, readonly [string, string]>;
export type RehearsalWord = keyof typeof WORDS;

export const word = (of: RehearsalWord, values: Record<string, string | number> = {}): string =>
  WORDS[of][tongue.value === "zh" ? 0 : 1].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));

/** From a midnight so many days ago to the last midnight, by the clock of this desk; 0: from there to now. */
export function days(back: number): { from: string; to: string } {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  const from = new Date(midnight);
  from.setDate(midnight.getDate() - back);
  const to = back ? midnight : new Date();
  return { from: from.toISOString(), to: to.toISOString() };
}

const post = (path: string, body: object): Promise<Response> =>
  send(path, {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Why it was refused: the sentence, then every row with its reason, as taking the edition would say it. */
export function reasons(refusal: Refusal): string[] {
  const { faults, errors } = refusal.told as { faults?: [string, string][]; errors?: { pointer: string; detail: string }[] };
  const rows = [...(faults ?? []).map(([row, why]) => `${row} ${half(why)}`), ...(errors ?? []).map((one) => `${one.pointer} ${one.detail}`)];
  return [both(refusal.zh, refusal.en), ...rows];
}

export async function begin(kind: Kind, body: unknown, back: number): Promise<number> {
  const answer = await post("api/v1/rehearsals", { kind, body, ...days(back) });
  return ((await answer.json()) as components["schemas"]["RehearsalAsked"]).id;
}

export const again = (id: number): Promise<Response> => post(`api/v1/rehearsals/${id}/again`, {});
export const look = (id: number): Promise<Rehearsal> => get("/api/v1/rehearsals/{id}", undefined, { id });
export const over = (of: Rehearsal): boolean => !["waiting", "running"].includes(of.state);

type Listed = components["schemas"]["RehearsalLines"];
export const page = (id: number, list: string, after: number): Promise<Listed> =>
  get("/api/v1/rehearsals/{id}/lines", { list: list as "new", after, limit: 50 }, { id });

/** The figures of a rehearsal in their order; those with a list of theirs open it. */
export function figures(of: Rehearsal): { word: RehearsalWord; n: number; list: string | null }[] {
  const counts: Counts = of.result ?? {};
  const sums = (name: string) =>
    Object.values((counts.by_clock ?? {}) as Record<string, Record<string, number>>).reduce((sum, one) => sum + (one[name] ?? 0), 0);
  const rows: Record<Kind, RehearsalWord[]> = {
    rules: ["would_open", "really_opened", "new", "same", "gone"],
    routes: ["sent", "changed", "department_changes"],
    limits: ["incidents", "newly_overdue", "no_longer_overdue"],
  };
  return rows[of.kind].map((name) => ({
    word: name,
    n: Number(counts[name] ?? sums(name)),
    list: of.lists?.[name] ? name : null,
  }));
}

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
const place = (side: unknown): string => departmentName(text((side as Line | null)?.department)) || word("queue");
const limit = (of: unknown): string => `${text((of as Line).amount)} ${text((of as Line).unit)}`;

/** A line of a list in a sentence; the incident's number stands apart. */
export function sentence(of: Line): string {
  const when = clock(text(of.at ?? of.opened_at) || new Date().toISOString());
  const about = `${categoryName(text(of.category))} ${text(of.device ?? of.subject)}`.trim();
  if (of.proposed) return `${when} ${about}：${place(of.present)} → ${place(of.proposed)}（${both("实际", "really")} ${place(of.happened)}）`;
  if (of.would_be) return `${about} ${text(of.clock_zh)} ${text(of.used)}：${limit(of.was)} → ${limit(of.would_be)}`;
  const shift = Number(of.shift_s ?? 0);
  const moved = shift ? `（${shift < 0 ? both("早", "earlier by ") : both("晚", "later by ")}${span(Math.abs(shift) / 60)}）` : "";
  return `${when} ${about} ${text(of.cell)}${moved}${of.why ? `：${half(text(of.why))}` : ""}`;
}
