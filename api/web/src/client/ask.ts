/** Questions to the API with the types its OpenAPI gives them; an answer that is none becomes a Refusal. */

import { address } from "./address";
import type { paths } from "./openapi";

type Json<A> = A extends { content: { "application/json": infer Body } } ? Body : never;
type Got<P extends keyof paths> = paths[P] extends { get: { responses: { 200: infer A } } } ? Json<A> : never;
type Asked<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? Q : never;
type Placed<P extends keyof paths> = paths[P] extends { get: { parameters: { path: infer Q } } } ? Q : never;

/** What the API said instead of an answer (RFC 9457), or that it did not answer: status 0. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly zh: string,
    readonly en: string,
    /** All the API said, such as the incident as it is now beside a 412. */
    readonly told: Record<string, unknown> = {},
  ) {
    super(`${status} ${code}: ${zh} / ${en}`);
  }
}

/** How we say who we are: a bearer token, or nothing where the session's cookie says it; and in which of our roles we ask. */
export const identity = { token: null as string | null, role: null as string | null };

/** After so long without a key or a finger nobody sits there. */
const AWAY_MS = 30_000;
let touched = performance.now();
/** Milliseconds since somebody last touched the page. */
export const untouched = (): number => performance.now() - touched;
for (const sign of ["keydown", "pointerdown"]) window.addEventListener(sign, () => (touched = performance.now()), { passive: true });

/** Ask for a path of the API's description; `place` fills the names in braces. */
export async function get<P extends keyof paths>(
  path: P,
  query?: Asked<P>,
  place?: Placed<P>,
  signal?: AbortSignal,
): Promise<Got<P>> {
  const filled = String(path).replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((place as Record<string, unknown>)[name])),
  );
  const answer = await send(filled, query as Record<string, unknown>, { signal });
  return (await answer.json()) as Got<P>;
}

/** One request with our identity; a Refusal unless it was answered with success. */
export async function send(path: string, query: Record<string, unknown> = {}, more: RequestInit = {}): Promise<Response> {
  const headers = new Headers(more.headers);
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  if (identity.token) headers.set("Authorization", `Bearer ${identity.token}`);
  if (identity.role && !headers.has("Yiwang-Role")) headers.set("Yiwang-Role", identity.role);
  // What a page asks by itself does not keep a session awake; what it changes shows that a page of ours asked.
  if (untouched() > AWAY_MS) headers.set("X-Yiwang-Background", "1");
  if (more.method && more.method !== "GET") headers.set("X-Yiwang-Csrf", "1");
  let answer: Response;
  try {
    answer = await fetch(address(path, query), { ...more, headers, credentials: "same-origin" });
  } catch (fault) {
    return unanswered(fault);
  }
  if (!answer.ok) throw await refusal(answer);
  // A server may die in the middle of what it says: half an answer is none.
  const whole = answer.json.bind(answer);
  answer.json = () => whole().catch(unanswered);
  return answer;
}

/** Nobody answered, or not to the end; who asked may have let it be. */
function unanswered(fault: unknown): never {
  if (fault instanceof DOMException && fault.name === "AbortError") throw fault;
  throw new Refusal(0, "no_answer", "服务器没有应答", "the server does not answer");
}

async function refusal(answer: Response): Promise<Refusal> {
  const told = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const word = (name: string) => (typeof told[name] === "string" ? told[name] : undefined);
  const zh = word("detail") ?? word("title") ?? `HTTP ${answer.status}`;
  return new Refusal(answer.status, word("code") ?? "http", zh, word("detail_en") ?? word("title_en") ?? zh, told);
}
