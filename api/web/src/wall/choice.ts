/** Which layout is shown, and of which district or theme: by address, by key, or in turn. The address always says it. */

import { computed, onUnmounted, ref, type Ref } from "vue";
import type { Layout } from "./layout";

export function useChoice(layouts: Ref<Layout[]>, query: URLSearchParams) {
  const name = ref(query.get("layout") ?? "city");
  const area = ref(query.get("area"));
  const theme = ref(query.get("theme"));
  const districts = ref<string[]>([]);
  const rotating = ref(false);
  const layout = computed(() => layouts.value.find((one) => one.name === name.value) ?? layouts.value[0]!);
  let timer: ReturnType<typeof setInterval> | undefined;

  const say = () => {
    query.set("layout", layout.value.name);
    for (const [key, value] of [["area", area.value], ["theme", theme.value]] as const) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    window.history.replaceState(null, "", `${window.location.pathname}?${query}`);
  };
  const choose = (n: number) => {
    const wanted = layouts.value[n];
    if (!wanted) return;
    name.value = wanted.name;
    area.value = null;
    theme.value = null;
    say();
  };
  /** The next district or theme of this layout, else the next layout. */
  const next = () => {
    const parts = layout.value.scope === "district" ? districts.value : Object.keys(layout.value.themes ?? {});
    const at = parts.indexOf((layout.value.scope === "district" ? area.value : theme.value) ?? parts[0] ?? "");
    const following = parts[at + 1];
    if (at >= 0 && following !== undefined) {
      if (layout.value.scope === "district") area.value = following;
      else theme.value = following;
      return say();
    }
    choose((layouts.value.indexOf(layout.value) + 1) % layouts.value.length);
  };
  const seconds = Math.max(5, Number(query.get("rotate")) || 30);
  const rotate = () => {
    rotating.value = !rotating.value;
    clearInterval(timer);
    if (rotating.value) timer = setInterval(next, seconds * 1000);
    if (rotating.value) query.set("rotate", String(seconds));
    else query.delete("rotate");
    say();
  };
  if (query.has("rotate")) rotate();
  onUnmounted(() => clearInterval(timer));
  return { layout, area, theme, districts, rotating, choose, next, rotate };
}
