/** How large letters are on this canvas, and how finely its pictures must be drawn to be sharp on this window. */

import type { InjectionKey } from "vue";

export interface Letters {
  k: number;
  sharp: number;
}

export const LETTERS: InjectionKey<Letters> = Symbol("letters");
