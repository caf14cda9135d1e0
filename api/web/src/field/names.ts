/** What may be reported, by big class and by name, and the departments: read once, kept on the phone, renewed by ETag. */

import { computed, shallowRef } from "vue";
import { Refusal, send } from "@/client/ask";
import type { components } from "@/client/openapi";
import { both } from "@/words/words";
import { begins, initials } from "./initials";
import { recall, remember } from "./store";

type Names = components["schemas"]["NamesShown"];
export type Category = Names["categories"][number];

interface Kept {
  tag: string | null;
  names: Names;
}

const kept = shallowRef<Kept | null>(null);
const FOUND_AT_MOST = 30;
const ADDRESS = "api/v1/standards/names";

/** From the phone at once, then from the server where it holds another edition or day. */
export async function readNames(): Promise<void> {
  kept.value ??= await recall<Kept>("names");
  try {
    const tag = kept.value?.tag;
    const answer = await send(ADDRESS, {}, tag ? { headers: { "If-None-Match": tag }, cache: "no-store" } : {});
    kept.value = { tag: answer.headers.get("ETag"), names: (await answer.json()) as Names };
    await remember("names", kept.value);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault; // 304 and silence: what is kept holds
  }
}

const indexed = computed(() => (kept.value?.names.categories ?? []).map((one) => ({ one, row: initials(one.zh) })));
const byKey = computed(() => new Map((kept.value?.names.categories ?? []).map((one) => [one.key, one])));
const departments = computed(() => new Map((kept.value?.names.departments ?? []).map((one) => [one.code, one])));

/** The big classes in the order of the standard, each with its classes. */
export const majors = computed(() => {
  const found = new Map<string, Category[]>();
  for (const one of kept.value?.names.categories ?? []) found.set(one.major, [...(found.get(one.major) ?? []), one]);
  return found;
});

/** Classes whose name or pinyin initials begin so somewhere; the shortest names first. */
export function search(asked: string): Category[] {
  const text = asked.trim().toLowerCase();
  if (!text) return [];
  const letters = /^[a-z]+$/.test(text);
  const hit = ({ one, row }: { one: Category; row: string[] }) =>
    one.zh.toLowerCase().includes(text) || (letters && begins(text, row)) || (text.length > 2 && one.en.toLowerCase().includes(text));
  return indexed.value.filter(hit).map((found) => found.one).sort((a, b) => a.zh.length - b.zh.length).slice(0, FOUND_AT_MOST); // prettier-ignore
}

/** How many photos a report or a move may bring; a server that does not say so yet takes nine. */
export const photosAtOnce = computed(() => kept.value?.names.photos_at_once ?? 9);

export function categoryName(key: string | null): string {
  const found = key ? byKey.value.get(key) : undefined;
  return found ? both(found.zh, found.en) : (key ?? "");
}

export function departmentName(code: string | null): string {
  const found = code ? departments.value.get(code) : undefined;
  return found ? both(found.zh, found.en) : (code ?? "");
}
