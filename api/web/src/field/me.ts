/** Who holds the phone: the session's person, or without a network the one who was here last. */

import { computed, ref } from "vue";
import { identity } from "@/client/ask";
import { person, resume } from "@/session/session";

const KEPT = "yiwang.field.person";

export interface Holder {
  name: string;
  role: string;
  department: string | null;
}

const NOBODY: Holder = { name: "", role: "", department: null };
const last = ref<Holder>(read());

/** The holder; an empty name: nobody knows yet. */
export const me = computed<Holder>(() => (person.value?.name ? person.value : person.value ? last.value : NOBODY));
export const isInspector = computed(() => me.value.role === "inspector");
export const isCrew = computed(() => me.value.role === "department");

/** What `Yiwang-Role` says for the role acted in now. */
export const roleAsked = (): string => identity.role ?? person.value?.roles?.[0]?.ask ?? me.value.role;

function read(): Holder {
  try {
    return { ...NOBODY, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Holder>) };
  } catch {
    return NOBODY;
  }
}

/** Keep who it is for the time without a network. */
export function rememberMe(): void {
  if (!person.value?.name) return;
  const { name, role, department } = person.value;
  last.value = { name, role, department };
  localStorage.setItem(KEPT, JSON.stringify(last.value));
}

/** The one who goes out leaves no name behind. */
export function forgetMe(): void {
  localStorage.removeItem(KEPT);
  last.value = NOBODY;
}

/** Ask again who it is, where the page was opened without a network. */
export async function askWhoIAm(): Promise<void> {
  if (person.value && !person.value.name) await resume();
  rememberMe();
}
