/** How things look on a map: each kind by its shape first, then by its colour. */

import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import type { Incident } from "@/client/wire";

const FONT = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';
const edge = new Stroke({ color: "#04101f", width: 1.5 });

const URGENT = new Style({
  image: new RegularShape({ points: 3, radius: 11, fill: new Fill({ color: "#ff5a4f" }), stroke: new Stroke({ color: "#fff", width: 1.5 }) }),
  zIndex: 3,
});
const OVERDUE = new Style({ image: new RegularShape({ points: 4, radius: 8, fill: new Fill({ color: "#ffc24d" }), stroke: edge }), zIndex: 2 });
const OTHER = new Style({ image: new CircleStyle({ radius: 5, fill: new Fill({ color: "#46b3ff" }), stroke: edge }), zIndex: 1 });

/** Urgent ones are red triangles, overdue ones amber diamonds, the rest blue dots. */
export const ofIncident = (incident: Incident): Style => (incident.urgent ? URGENT : incident.overdue ? OVERDUE : OTHER);

const HEALTH: Record<string, Style> = {
  heard: new Style({ image: new RegularShape({ points: 4, angle: Math.PI / 4, radius: 4, fill: new Fill({ color: "#45d68f" }) }) }),
  silent: new Style({
    image: new RegularShape({ points: 4, radius: 5, radius2: 0, angle: Math.PI / 4, stroke: new Stroke({ color: "#ffc24d", width: 2 }) }),
  }),
  never: new Style({ image: new CircleStyle({ radius: 3, stroke: new Stroke({ color: "#7f95b3", width: 1.2 }) }) }),
};
const CAMERA = new Style({ image: new RegularShape({ points: 5, radius: 5, fill: new Fill({ color: "#b79bff" }) }) });

/** Heard ones are green squares, silent ones amber crosses, never heard grey rings; cameras violet pentagons. */
export const ofMachine = (kind: string, health: string): Style | undefined => (kind === "camera" ? CAMERA : HEALTH[health]);

export const CELL = new Style({ stroke: new Stroke({ color: "rgba(90, 140, 200, 0.28)", width: 0.6 }) });

const AREAS: Record<string, Style> = {
  district: new Style({ stroke: new Stroke({ color: "#5fa8e6", width: 2.4 }), zIndex: 3 }),
  street: new Style({ stroke: new Stroke({ color: "rgba(95, 168, 230, 0.75)", width: 1.3 }), zIndex: 2 }),
  community: new Style({ stroke: new Stroke({ color: "rgba(95, 168, 230, 0.4)", width: 0.8, lineDash: [4, 4] }), zIndex: 1 }),
};
export const ofArea = (level: string): Style | undefined => AREAS[level];

const names = new Map<string, Style>();

/** The name of an area, larger for larger ones. */
export function ofName(level: string, name: string): Style {
  const key = `${level}|${name}`;
  let style = names.get(key);
  if (!style) {
    const size = level === "district" ? 17 : level === "street" ? 13 : 11;
    style = new Style({
      text: new Text({
        text: name,
        font: `${level === "district" ? 600 : 400} ${size}px ${FONT}`,
        fill: new Fill({ color: level === "district" ? "#dcecff" : "#a9c3e4" }),
        stroke: new Stroke({ color: "#050d1a", width: 3 }),
        overflow: true,
      }),
      zIndex: level === "district" ? 3 : level === "street" ? 2 : 1,
    });
    names.set(key, style);
  }
  return style;
}

/** Steps of heat: from the count on, how the cell is filled. The number stands beside the colour in the legend. */
export const HEAT: readonly (readonly [from: number, fill: string])[] = [
  [1, "rgba(46, 134, 222, 0.55)"],
  [2, "rgba(72, 201, 176, 0.6)"],
  [4, "rgba(244, 208, 63, 0.65)"],
  [8, "rgba(235, 124, 44, 0.7)"],
  [16, "rgba(214, 48, 49, 0.78)"],
];
const fills = HEAT.map(([, color]) => new Style({ fill: new Fill({ color }) }));

export function ofHeat(count: number): Style | undefined {
  let found: Style | undefined;
  HEAT.forEach(([from], n) => {
    if (count >= from) found = fills[n];
  });
  return found;
}
