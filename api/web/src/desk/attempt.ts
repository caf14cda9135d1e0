/** A deed of a page: busy while it lasts, refused with every row and reason the server gives. */

import { computed, ref, shallowRef } from "vue";
import { Refusal, send } from "@/client/ask";
import { both } from "@/words/words";

/** One row that was refused: where, and why. */
export interface Fault {
  row: string;
  why: string;
}

/** The refused rows, however the API names them: `faults` are rows of a table, `errors` members of a body. */
export function faultsOf(refusal: Refusal): Fault[] {
  const { faults, errors } = refusal.told;
  const found: Fault[] = [];
  for (const one of Array.isArray(faults) ? (faults as unknown[]) : []) {
    const [row, why] = Array.isArray(one) ? one.map(String) : ["", String(one)];
    found.push({ row: row ?? "", why: spoken(why ?? "") });
  }
  for (const one of Array.isArray(errors) ? (errors as Record<string, unknown>[]) : []) found.push({ row: String(one.pointer ?? ""), why: spoken(String(one.detail ?? "")) });
  return found;
}

/** The half of a reason that is spoken now; one without halves is whole. */
function spoken(why: string): string {
  const cut = why.lastIndexOf(" / ");
  return cut < 0 ? why : both(why.slice(0, cut), why.slice(cut + 3));
}

export function useAttempt() {
  const busy = ref(false);
  const refusal = shallowRef<Refusal | null>(null);
  const done = ref("");
  return {
    busy,
    /** What was achieved, in words. */
    done,
    refused: computed(() => (refusal.value ? both(refusal.value.zh, refusal.value.en) : "")),
    faults: computed(() => (refusal.value ? faultsOf(refusal.value) : [])),
    /** Do it; false when it was refused. */
    async run(act: () => Promise<void>): Promise<boolean> {
      busy.value = true;
      refusal.value = null;
      done.value = "";
      try {
        await act();
        return true;
      } catch (fault) {
        if (!(fault instanceof Refusal)) throw fault;
        refusal.value = fault;
        return false;
      } finally {
        busy.value = false;
      }
    },
    /** Refuse it here, before anybody is asked. */
    refuse(zh: string, en: string): never {
      throw new Refusal(422, "here", zh, en);
    },
  };
}

/** Send something as JSON; the answer. */
export const sendJson = (method: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  send(path, {}, { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
