/** The working calendar as it is filled in: rows of text beside the body they come from and go back to. */

export interface DayRow {
  date: string;
  kind: string;
  name: string;
  source: string;
  areas: string;
  spans: string;
}

export interface HoursRow {
  areas: string;
  weekdays: string;
  spans: string;
  season: string;
  on_holidays: boolean;
}

export interface Sheet {
  confirmed_until: string;
  hours: HoursRow[];
  days: DayRow[];
}

type Body = Record<string, unknown>;

const text = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(" ") : String(value ?? ""));
const several = (value: string): string[] => value.split(/[\s,，、]+/).filter(Boolean);
const rows = (value: unknown): Body[] => (Array.isArray(value) ? (value as Body[]) : []);

export const emptyDay = (): DayRow => ({ date: "", kind: "holiday", name: "", source: "", areas: "", spans: "" });

export function sheet(body: Body): Sheet {
  return {
    confirmed_until: text(body.confirmed_until),
    hours: rows(body.hours).map((one) => ({ areas: text(one.areas), weekdays: text(one.weekdays), spans: text(one.spans), season: text(one.season), on_holidays: one.on_holidays === true })),
    days: rows(body.days).map((one) => ({ date: text(one.date), kind: text(one.kind), name: text(one.name), source: text(one.source), areas: text(one.areas), spans: text(one.spans) })),
  };
}

/** The whole body again; what the page does not show, such as the limits of stages, stays as it was. */
export function body(before: Body, filled: Sheet): Body {
  const found: Body = {
    ...before,
    hours: filled.hours.map((one) => filledOnly({ areas: several(one.areas), weekdays: several(one.weekdays), spans: several(one.spans), season: one.season.trim(), on_holidays: one.on_holidays })),
    days: filled.days.map((one) => ({ ...filledOnly({ areas: several(one.areas), spans: several(one.spans) }), date: one.date, kind: one.kind, name: one.name.trim(), source: one.source.trim() })),
  };
  delete found.confirmed_until;
  if (filled.confirmed_until) found.confirmed_until = filled.confirmed_until;
  return found;
}

const filledOnly = (row: Body): Body => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== "" && value !== false && !(Array.isArray(value) && !value.length)));

/** The rows a refusal names, as `days[3]` or `hours[0] …`. */
export function wrongRows(faults: readonly { row: string; why: string }[], member: "days" | "hours"): Map<number, string> {
  const found = new Map<number, string>();
  for (const { row, why } of faults) {
    const n = new RegExp(`^${member}\\[(\\d+)\\]`).exec(row)?.[1];
    if (n !== undefined) found.set(Number(n), [found.get(Number(n)), why].filter(Boolean).join("；"));
  }
  return found;
}
