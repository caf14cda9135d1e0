/** What roles are called, and in which of them one acts. */

import { departmentName } from "@/incidents/names";
import { person } from "@/session/session";
import { known, tell } from "./words";

export function roleName(role: string): string {
  const word = `role_${role}`;
  return known(word) ? tell(word) : role;
}

interface Held {
  role: string;
  department: string | null;
  area: string | null;
}

/** A role held, with what it is held for. */
export const roleOf = (held: Held): string => [roleName(held.role), held.department ? departmentName(held.department) : "", held.area ?? ""].filter(Boolean).join(" · ");

/** The role acted in, by the name that asks for it. */
export function acting(): string {
  const now = person.value;
  const found = now?.roles.find((one) => one.role === now.role && one.department === now.department && one.area === now.area);
  return (found ?? now?.roles[0])?.ask ?? "";
}
