/** The roster of a week: whole days from Monday on, duties by person and day, and what may be done with them. */

import type { components } from "@/client/openapi";
import { person } from "@/session/session";

export type Duty = components["schemas"]["DutyShown"];
export type Person = components["schemas"]["PersonShown"];
export type Given = components["schemas"]["DutyGiven"];

const DAY_MS = 86_400_000;
export const DAYS = 7;

/** Who may change the roster. */
export const plans = (): boolean => ["shift_lead", "administrator"].includes(person.value?.role ?? "");

/** Midnight of the Monday before. */
export function monday(of: Date): Date {
  const found = new Date(of.getFullYear(), of.getMonth(), of.getDate());
  found.setDate(found.getDate() - ((found.getDay() + 6) % 7));
  return found;
}

export const later = (day: Date, days: number): Date => {
  const found = new Date(day);
  found.setDate(found.getDate() + days);
  return found;
};

/** Every person of the week with his duties by the day they begin; one that began before stands on the first day. */
export function table(duties: readonly Duty[], first: Date): { account: string; days: Duty[][] }[] {
  const rows = new Map<string, Duty[][]>();
  for (const one of duties) {
    const days = rows.get(one.account) ?? Array.from({ length: DAYS }, () => []);
    rows.set(one.account, days);
    const day = Math.floor((new Date(one.from).getTime() - first.getTime() + DAY_MS / 24) / DAY_MS);
    days[Math.max(0, Math.min(DAYS - 1, day))]?.push(one);
  }
  return [...rows].map(([account, days]) => ({ account, days })).sort((a, b) => (a.account < b.account ? -1 : 1));
}

export const runs = (one: Duty, now: number): boolean => Date.parse(one.from) <= now && now < Date.parse(one.to);
export const over = (one: Duty, now: number): boolean => Date.parse(one.to) <= now;

/** As an input of date and time has it, in this machine's time. */
export function local(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The same duty so many days later, as it is given to the server. */
export function moved(one: Duty, days: number): Given {
  return {
    account: one.account,
    role: one.role,
    from: later(new Date(one.from), days).toISOString(),
    to: later(new Date(one.to), days).toISOString(),
    area: one.area,
    department: one.department,
    responsible: one.responsible,
    post: one.post,
  };
}
