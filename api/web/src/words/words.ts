/** What pages say: Chinese first, English at a switch. `say` is for templates, `both` for what is not in this table. */

import { ref } from "vue";
import type { FIGURES } from "./figures";
import { TABLE } from "./table";

export type Tongue = "zh" | "en";
export type Word = keyof typeof TABLE | keyof typeof FIGURES;

const known: Record<string, readonly [string, string]> = { ...TABLE };

/** Words that only some pages carry, told before anything is shown. */
export const learn = (more: Record<string, readonly [string, string]>): void => void Object.assign(known, more);

const KEPT = "yiwang.tongue";

function first(): Tongue {
  const asked = new URLSearchParams(window.location.search).get("lang") ?? localStorage.getItem(KEPT);
  return asked === "en" ? "en" : "zh";
}

/** The language spoken now. */
export const tongue = ref<Tongue>(first());
document.documentElement.lang = tongue.value === "zh" ? "zh-CN" : "en";

/** Speak the other language from now on. */
export function switchTongue(): void {
  tongue.value = tongue.value === "zh" ? "en" : "zh";
  localStorage.setItem(KEPT, tongue.value);
  document.documentElement.lang = tongue.value === "zh" ? "zh-CN" : "en";
}

/** A word of the table; what stands in {braces} is filled in. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  return (known[word]?.[tongue.value === "zh" ? 0 : 1] ?? word).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** One of two texts that somebody else wrote: names of categories, details of a refusal. */
export function both(zh: string, en: string | null | undefined): string {
  return tongue.value === "en" && en ? en : zh;
}

/** What an incident says of itself. Rules write "中文 / English" and are read in one tongue; what people wrote stays whole. */
export function spoken(one: { text: string; source: string }): string {
  const cut = one.source.startsWith("person:") ? -1 : one.text.lastIndexOf(" / ");
  return cut < 0 ? one.text : both(one.text.slice(0, cut), one.text.slice(cut + 3));
}

/** A whole number as it is written here. */
export const whole = (value: number): string => value.toLocaleString("en-US");

/** mm:ss, or h:mm:ss from an hour on. */
export function spell(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const head = s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}` : two(Math.floor(s / 60));
  return `${head}:${two(s % 60)}`;
}

/** Minutes in the words of a figure: 45 s, 12 min, 3.4 h, 2.1 d. */
export function span(minutes: number | null): string {
  if (minutes === null) return "—";
  const zh = tongue.value === "zh";
  if (minutes < 1) return `${Math.round(minutes * 60)}${zh ? " 秒" : " s"}`;
  if (minutes < 100) return `${Math.round(minutes)}${zh ? " 分" : " min"}`;
  if (minutes < 60 * 48) return `${(minutes / 60).toFixed(1)}${zh ? " 时" : " h"}`;
  return `${(minutes / 1440).toFixed(1)}${zh ? " 天" : " d"}`;
}

const CLOCK = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
const CLOCK_S = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat("zh-CN", { month: "2-digit", day: "2-digit" });

/** The hour and minute of an instant, with the day when it is not today. */
export function clock(instant: string | Date, seconds = false): string {
  const at = new Date(instant);
  const time = (seconds ? CLOCK_S : CLOCK).format(at);
  return at.toDateString() === new Date().toDateString() ? time : `${DAY.format(at)} ${time}`;
}
