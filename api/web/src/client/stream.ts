/** The live line: server-sent events read through fetch, resumed with Last-Event-ID, never given up.
 *
 * EventSource would be shorter, but it can neither carry a token nor tell silence from calm.
 */

import { Refusal, send } from "./ask";
import type { Fact } from "./wire";

/** Whether changes come in: `up`, being (re)connected, or refused for good (the caller is a stranger). */
export type Line = "up" | "connecting" | "refused";

export interface Listener {
  facts(facts: Fact[]): void;
  /** Changes were missed: read the lists again. */
  reset(): void;
  line(state: Line): void;
}

/** The server says something every 15 s; a line that is silent for longer is dead, whatever TCP believes. */
const SILENCE_MS = 35_000;
const PAUSES_MS = [250, 500, 1000, 2000, 4000];

/** What is asked of the line: a phone wants only `{ mine: true }`. To be set before anybody follows. */
export const wanted: Record<string, unknown> = {};

const listeners = new Set<Listener>();
let running: AbortController | null = null;
let state: Line = "connecting";

/** Every list of a page hears the same one line. */
const everybody: Listener = {
  facts: (facts) => listeners.forEach((one) => one.facts(facts)),
  reset: () => listeners.forEach((one) => one.reset()),
  line(now) {
    state = now;
    listeners.forEach((one) => one.line(now));
  },
};

/** Follow the changes until the returned function is called. */
export function follow(listener: Listener): () => void {
  listeners.add(listener);
  if (running === null) {
    running = new AbortController();
    void run(everybody, running.signal);
  } else {
    listener.line(state);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size) return;
    running?.abort();
    running = null;
  };
}

async function run(listener: Listener, stop: AbortSignal): Promise<void> {
  let last: string | null = null;
  let failures = 0;
  while (!stop.aborted) {
    listener.line("connecting");
    const line = new AbortController();
    const end = () => line.abort();
    stop.addEventListener("abort", end);
    // A server that takes the call and says nothing is no better than one that is away.
    const patience = setTimeout(end, SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (last !== null) headers["Last-Event-ID"] = last;
      const answer = await send("api/v1/live", wanted, { headers, signal: line.signal, cache: "no-store" });
      if (!answer.body) throw new Refusal(0, "no_body", "没有数据流", "no stream");
      clearTimeout(patience);
      failures = 0;
      listener.line("up");
      await read(answer.body.getReader(), line, listener, (id) => (last = id));
    } catch (fault) {
      if (fault instanceof Refusal && (fault.status === 401 || fault.status === 403)) return listener.line("refused");
    } finally {
      clearTimeout(patience);
      stop.removeEventListener("abort", end);
    }
    if (stop.aborted) return;
    listener.line("connecting");
    // Each at its own time: when a server is back, ten thousand do not knock in the same moment.
    await pause((PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)] ?? 4000) * (0.5 + Math.random()));
  }
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  line: AbortController,
  listener: Listener,
  seen: (id: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  let silence = setTimeout(() => line.abort(), SILENCE_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => line.abort(), SILENCE_MS);
      rest += decoder.decode(value, { stream: true });
      const events = rest.split("\n\n");
      rest = events.pop() ?? "";
      take(events, listener, seen);
    }
  } finally {
    clearTimeout(silence);
  }
}

function take(events: string[], listener: Listener, seen: (id: string) => void): void {
  const facts: Fact[] = [];
  for (const text of events) {
    const event = parse(text);
    if (event.name === "incident" && event.data) facts.push(JSON.parse(event.data) as Fact);
    if (event.name === "reset") listener.reset();
    if (event.id !== null) seen(event.id);
  }
  if (facts.length) listener.facts(facts);
}

/** One event of the text/event-stream format. */
export function parse(text: string): { id: string | null; name: string; data: string } {
  const event = { id: null as string | null, name: "message", data: "" };
  for (const row of text.split("\n")) {
    const at = row.indexOf(":");
    if (at === 0) continue;
    const field = at < 0 ? row : row.slice(0, at);
    const value = at < 0 ? "" : row.slice(at + 1).replace(/^ /, "");
    if (field === "id") event.id = value;
    else if (field === "event") event.name = value;
    else if (field === "data") event.data += event.data ? `\n${value}` : value;
  }
  return event;
}
