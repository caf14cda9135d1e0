/** 立案条件: the filing conditions of each category, to choose from and to be named; read when they are first asked for. */

import { shallowRef } from "vue";
import { get, Refusal } from "@/client/ask";
import { both } from "@/words/words";
import type { Category, Condition } from "./standards";
import { known, tell } from "./words";

const kept = shallowRef<ReadonlyMap<string, readonly Condition[]>>(new Map());
let asked = false;

/** None while they are not known, and where a category has none. */
export function conditionsOf(category: string): readonly Condition[] {
  if (!asked) void read();
  return kept.value.get(category) ?? [];
}

async function read(): Promise<void> {
  asked = true;
  try {
    const body = (await get("/api/v1/standards")).body as { categories?: Category[] };
    kept.value = new Map((body.categories ?? []).map((one) => [one.key, one.conditions ?? []]));
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    asked = false; // whoever asks next tries again
  }
}

/** A condition as it is chosen: what it is, and the time it gives. */
export function conditionWords(one: Condition): string {
  const unit = `unit_${one.limit.unit}`;
  return `${one.code} ${both(one.zh, one.en)} · ${one.limit.amount} ${known(unit) ? tell(unit) : one.limit.unit}`;
}

/** The condition that was filed, in words if they are known. */
export function conditionNamed(category: string, code: string): string {
  const found = conditionsOf(category).find((one) => one.code === code);
  return found ? conditionWords(found) : code;
}
