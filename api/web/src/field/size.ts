/** 字号: three sizes of text, the smallest of which is large already; kept on the phone. */

import { ref } from "vue";

export type Size = 1 | 2 | 3;
export const SIZES: Size[] = [1, 2, 3];
const KEPT = "yiwang.field.size";

export const size = ref<Size>(1);

export function chooseSize(chosen: Size): void {
  size.value = chosen;
  localStorage.setItem(KEPT, String(chosen));
  for (const one of SIZES) document.body.classList.toggle(`size-${one}`, one === chosen);
}

export function restoreSize(): void {
  const kept = Number(localStorage.getItem(KEPT));
  chooseSize(kept === 2 || kept === 3 ? kept : 1);
}
