/** What a wall shows beside its widgets when asked: the list behind a figure, the life of an incident. */

import { ref } from "vue";
import type { BehindQuery } from "./board";

export interface Shown {
  title: string;
  query: BehindQuery;
}

/** The figure whose list is open. */
export const behind = ref<Shown | null>(null);
/** The incident whose life is played, with where it is. */
export const life = ref<{ number: string; lon: number | null; lat: number | null } | null>(null);

export const showBehind = (title: string, query: BehindQuery): void => {
  behind.value = { title, query };
};
export const showLife = (number: string, lon: number | null, lat: number | null): void => {
  life.value = { number, lon, lat };
};
export const closeAll = (): void => {
  behind.value = null;
  life.value = null;
};
