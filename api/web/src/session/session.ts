/** Who looks: the session's cookie where the server has one, else a token kept in this tab only. */

import { ref } from "vue";
import { address } from "@/client/address";
import { identity, Refusal, send } from "@/client/ask";

const KEPT = "yiwang.token";

export interface Person {
  name: string;
  role: string;
}

/** The one who looks; null: nobody yet. */
export const person = ref<Person | null>(null);
/** Whether this server shows invented traffic. */
export const demonstration = ref(false);
/** Why the last attempt to come in failed. */
export const refused = ref<Refusal | null>(null);

/** Try what this tab or a cookie knows; true when somebody is in. */
export async function resume(): Promise<boolean> {
  void lookForDemo();
  identity.token = sessionStorage.getItem(KEPT);
  return identity.token ? enter(identity.token) : false;
}

/** Come in with a token. */
export async function enter(token: string): Promise<boolean> {
  identity.token = token.trim();
  try {
    await send("api/v1/wall/summary");
  } catch (fault) {
    if (fault instanceof Refusal && fault.status !== 401 && fault.status !== 403) {
      // The server or its database is away: keep the token, the page says what is wrong and goes on by itself.
      person.value = { name: "", role: "" };
      return true;
    }
    leave(fault instanceof Refusal ? fault : null);
    return false;
  }
  sessionStorage.setItem(KEPT, identity.token);
  person.value = { name: "", role: "" };
  refused.value = null;
  return true;
}

/** In a demonstration, come in as its wall. */
export async function enterDemo(): Promise<boolean> {
  const answer = await fetch(address("demo/account"));
  if (!answer.ok) return false;
  return enter(((await answer.json()) as { token: string }).token);
}

/** Go out; `why` is shown where the next one comes in. */
export function leave(why: Refusal | null = null): void {
  sessionStorage.removeItem(KEPT);
  identity.token = null;
  person.value = null;
  refused.value = why;
}

async function lookForDemo(): Promise<void> {
  try {
    const told = (await (await fetch(address("readyz"))).json()) as { demo?: boolean };
    demonstration.value = Boolean(told.demo);
  } catch {
    demonstration.value = false;
  }
}
