/** A form kept on the phone at every change, and looked at again when its tab comes to the front: another may have gone on
 * with it, or sent it.
 */

import { onMounted, onUnmounted, watch } from "vue";
import { recall, remember } from "./store";

/** `whole` is what is kept, `take` puts what was kept into the form, and `nothing` where another tab has sent it. */
export function keepDraft<T>(name: string, whole: () => T, take: (kept: T) => void, nothing: T): void {
  let changes = 0;
  watch(whole, () => (changes += 1), { flush: "sync" });
  async function look(): Promise<void> {
    const before = changes;
    const kept = (await recall<T>(name)) ?? nothing;
    // What is typed or shot just now is newer than anything that was kept.
    if (changes === before && JSON.stringify(kept) !== JSON.stringify(whole())) take(kept);
  }
  const seen = () => void (document.visibilityState === "visible" && look());
  onMounted(async () => {
    await look();
    watch(whole, (now) => void remember(name, now));
    document.addEventListener("visibilitychange", seen);
  });
  onUnmounted(() => document.removeEventListener("visibilitychange", seen));
}
