/** The standards in force as they are browsed: categories with their filing conditions, found by any of their words. */

import type { components } from "@/client/openapi";

export interface Condition {
  code: string;
  zh: string;
  en?: string;
  limit: { amount: number; unit: string };
  closing?: string;
  basis?: string;
}

export interface Category {
  key: string;
  zh: string;
  en?: string;
  major?: string;
  responsible?: string;
  valid_from?: string;
  valid_to?: string;
  conditions?: Condition[];
}

export type Preview = components["schemas"]["StandardsPreview"];
export const SHEETS = ["categories", "conditions", "correspondences", "departments"] as const;

export const holds = (one: Category, day: string): boolean => (one.valid_from ?? "") <= day && (one.valid_to === undefined || day <= one.valid_to);

/** Whether a category says all of these words somewhere: in its names, its code, its 大类 or its conditions. */
export function says(one: Category, words: readonly string[]): boolean {
  const conditions = (one.conditions ?? []).map((each) => `${each.zh} ${each.en ?? ""}`).join(" ");
  const text = `${one.key} ${one.zh} ${one.en ?? ""} ${one.major ?? ""} ${conditions}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
