/** Who looks: a session's cookie for people, a token for a screen or a program; the login until one of them is good. */

import { ref } from "vue";
import { address } from "@/client/address";
import { identity, Refusal, send } from "@/client/ask";

/** A token of this tab, and one that a screen keeps for good. */
const KEPT = "yiwang.token";
/** That this browser has a session's cookie, which no script can see: without it nobody needs to be asked. */
const HAS_SESSION = "yiwang.session";
/** In which role somebody acts who holds several: of this tab and this page, a phone's page asks anew. */
const ROLE = `yiwang.role.${document.body.className}`;

export interface Person {
  name: string;
  role: string;
  department: string | null;
  area: string | null;
  session: boolean;
  /** Seconds after which a session that nobody uses ends; null without one. */
  idle_s: number | null;
  password_due: boolean;
  /** All roles held, the account's own first; `ask` names one for `actAs`. */
  roles: { role: string; department: string | null; area: string | null; ask: string }[];
}

/** The one who looks; null: nobody yet. */
export const person = ref<Person | null>(null);
/** Whether this server shows invented traffic. */
export const demonstration = ref(false);
/** Why the last attempt to come in failed, or why somebody is out again. */
export const refused = ref<Refusal | null>(null);

const UNKNOWN: Person = { name: "", role: "", department: null, area: null, session: false, idle_s: null, password_due: false, roles: [] };

/** Try what this browser knows; true when somebody is in. */
export async function resume(): Promise<boolean> {
  void lookForDemo();
  identity.token = sessionStorage.getItem(KEPT) ?? localStorage.getItem(KEPT);
  identity.role = sessionStorage.getItem(ROLE);
  if (!identity.token && !localStorage.getItem(HAS_SESSION)) return false;
  return whoAmI();
}

/** Come in with a name and a password. */
export async function logIn(name: string, password: string): Promise<boolean> {
  return attempt(async () => {
    identity.token = null;
    forgetRole();
    const answer = await post("api/v1/login", { name, password });
    localStorage.setItem(HAS_SESSION, "1");
    person.value = (await answer.json()) as Person;
  });
}

/** Change the password, where it is due before anything else. */
export async function changePassword(old: string, fresh: string): Promise<boolean> {
  return attempt(async () => {
    person.value = (await (await post("api/v1/me/password", { old, new: fresh })).json()) as Person;
  });
}

/** Come in with a token; a wall may keep it for good. */
export async function enter(token: string, keep = false): Promise<boolean> {
  identity.token = token.trim();
  if (!(await whoAmI())) return false;
  sessionStorage.setItem(KEPT, identity.token);
  if (keep && person.value?.role === "wall") localStorage.setItem(KEPT, identity.token);
  return true;
}

/** In a demonstration, come in as its wall. */
export async function enterDemo(): Promise<boolean> {
  const answer = await fetch(address("demo/account"));
  if (!answer.ok) return false;
  return enter(((await answer.json()) as { token: string }).token);
}

/** Act in another of one's roles from now on; false, and nothing changed, where it cannot be had. */
export async function actAs(role: string): Promise<boolean> {
  const before = identity.role;
  identity.role = role;
  const done = await attempt(async () => {
    person.value = (await (await send("api/v1/me")).json()) as Person;
  });
  if (done) sessionStorage.setItem(ROLE, role);
  else identity.role = before;
  return done;
}

/** Go out, on the server too. */
export async function logOut(): Promise<void> {
  if (person.value?.session) await post("api/v1/logout", {}).catch(() => undefined);
  leave();
}

/** Nobody is in any more; `why` is shown where the next one comes in. */
export function leave(why: Refusal | null = null): void {
  sessionStorage.removeItem(KEPT);
  localStorage.removeItem(KEPT);
  localStorage.removeItem(HAS_SESSION);
  forgetRole();
  identity.token = null;
  person.value = null;
  refused.value = why;
}

function forgetRole(): void {
  sessionStorage.removeItem(ROLE);
  identity.role = null;
}

async function whoAmI(): Promise<boolean> {
  try {
    person.value = (await (await send("api/v1/me")).json()) as Person;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.status === 403 && identity.role) {
      forgetRole(); // a role that was taken away; the account's own is left
      return whoAmI();
    }
    if (fault.status === 401 || fault.status === 403) {
      leave(fault);
      return false;
    }
    // The server or its database is away: the page says what is wrong and goes on by itself.
    person.value = UNKNOWN;
  }
  refused.value = null;
  return true;
}

async function attempt(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    refused.value = null;
    return true;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    refused.value = fault;
    return false;
  }
}

function post(path: string, body: object): Promise<Response> {
  return send(path, {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

async function lookForDemo(): Promise<void> {
  try {
    const told = (await (await fetch(address("readyz"))).json()) as { demo?: boolean };
    demonstration.value = Boolean(told.demo);
  } catch {
    demonstration.value = false;
  }
}
