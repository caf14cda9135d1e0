/** What the city calls its categories and departments, read once a while; codes stand in until then. */

import { reactive } from "vue";
import { get } from "@/client/ask";
import { both } from "@/words/words";

interface Names {
  categories: Map<string, [zh: string, en: string]>;
  departments: Map<string, [zh: string, en: string]>;
}

const names = reactive<Names>({ categories: new Map(), departments: new Map() });

interface Body {
  categories?: { key: string; zh?: string; en?: string; name_zh?: string; name_en?: string }[];
  departments?: { code: string; zh?: string; en?: string; name_zh?: string; name_en?: string }[];
}

/** Read them; a failure leaves what was known. */
export async function readNames(): Promise<void> {
  try {
    const told = (await get("/api/v1/standards")) as { body: Body };
    for (const one of told.body.categories ?? []) names.categories.set(one.key, [one.zh ?? one.name_zh ?? one.key, one.en ?? one.name_en ?? ""]);
    for (const one of told.body.departments ?? []) names.departments.set(one.code, [one.zh ?? one.name_zh ?? one.code, one.en ?? one.name_en ?? ""]);
  } catch {
    // Codes are shown instead; the next reading may bring the names.
  }
}

export const categoryName = (key: string): string => both(...(names.categories.get(key) ?? [key, key]));
export const departmentName = (code: string | null): string => (code === null ? "" : both(...(names.departments.get(code) ?? [code, code])));
