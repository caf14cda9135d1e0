/** A wall's layout as data: which widgets stand where on a fixed canvas, and of which part of the city they speak.
 *
 * A city lays out its own by a JSON file; `faults` says in words what is wrong with one.
 */

export const KINDS = ["title", "figures", "map", "trend", "categories", "areas", "departments", "response", "ticker", "machines", "flow"] as const;
export type Kind = (typeof KINDS)[number];

export interface Box {
  kind: Kind;
  x: number;
  y: number;
  w: number;
  h: number;
  /** What this widget alone is told: `level` of areas, `rows` of a ranking, `figures` of the strip. */
  options?: Record<string, unknown>;
}

export interface Theme {
  zh: string;
  en: string;
  /** Beginnings of category keys. */
  categories: string[];
}

export interface Layout {
  name: string;
  zh: string;
  en: string;
  canvas: { w: number; h: number };
  /** "city", one "district" (`?area=`, else the busiest), or one "theme" (`?theme=`, else the first). */
  scope: "city" | "district" | "theme";
  themes?: Record<string, Theme>;
  widgets: Box[];
}

type Loose = Record<string, unknown>;
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string" && value.length > 0;

/** What is wrong with something that should be a layout; nothing: it is one. */
export function faults(given: unknown): string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return ["不是 JSON 对象 / not a JSON object"];
  const layout = given as Loose;
  const found: string[] = [];
  for (const name of ["name", "zh", "en"]) if (!isText(layout[name])) found.push(`${name}：缺少文字 / text is missing`);
  if (isText(layout.name) && !/^[a-z0-9-]{1,40}$/.test(layout.name)) found.push("name：只用 a-z、0-9、- / only a-z, 0-9 and -");
  if (!["city", "district", "theme"].includes(String(layout.scope))) found.push("scope：city、district 或 theme / one of the three");
  if (layout.scope === "theme" && !Object.keys((layout.themes as object | undefined) ?? {}).length) found.push("themes：专题布局须列出专题 / a theme layout lists its themes");
  const canvas = (layout.canvas ?? {}) as Loose;
  if (!isNumber(canvas.w) || !isNumber(canvas.h) || canvas.w < 320 || canvas.h < 240 || canvas.w > 20000 || canvas.h > 20000) {
    found.push("canvas：w、h 为 320×240 至 20000×20000 / between these");
  }
  if (!Array.isArray(layout.widgets) || !layout.widgets.length) found.push("widgets：至少一个部件 / at least one");
  else layout.widgets.forEach((box, n) => found.push(...faultsOfBox(box as Loose, n, canvas)));
  return found;
}

function faultsOfBox(box: Loose, n: number, canvas: Loose): string[] {
  const at = `widgets[${n}]`;
  if (typeof box !== "object" || box === null) return [`${at}：不是对象 / not an object`];
  const found: string[] = [];
  if (!KINDS.includes(box.kind as Kind)) found.push(`${at}.kind：没有部件 ${String(box.kind)} / no such widget; known: ${KINDS.join(", ")}`);
  const sizes = [box.x, box.y, box.w, box.h];
  if (!sizes.every(isNumber)) return [...found, `${at}：x、y、w、h 须为数 / must be numbers`];
  const [x, y, w, h] = sizes as [number, number, number, number];
  if (w <= 0 || h <= 0 || x < 0 || y < 0 || (isNumber(canvas.w) && x + w > canvas.w) || (isNumber(canvas.h) && y + h > canvas.h)) {
    found.push(`${at}：超出画布 / not within the canvas`);
  }
  return found;
}
