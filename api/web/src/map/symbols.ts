/** How things look on a map: each kind by its shape first, then by its colour. */

import CircleStyle from "ol/style/Circle";
import Fill from "ol/style/Fill";
import RegularShape from "ol/style/RegularShape";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import type { Incident } from "@/client/wire";
import type { Look } from "./looks";

const FONT = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif';
const line = (color: string, width: number, lineDash?: number[]): Stroke => new Stroke({ color, width, lineDash });
const fill = (color: string): Fill => new Fill({ color });
const SIZES: Record<string, readonly [size: number, zIndex: number]> = { district: [17, 3], street: [13, 2], community: [11, 1] };

export type Symbols = ReturnType<typeof symbolsOf>;

/** All that is drawn of ours, in the colours of a look. */
export function symbolsOf(look: Look) {
  const edge = line(look.edge, 1.5);
  const urgent = new Style({ image: new RegularShape({ points: 3, radius: 11, fill: fill(look.urgent), stroke: line(look.urgentEdge, 1.5) }), zIndex: 3 });
  const overdue = new Style({ image: new RegularShape({ points: 4, radius: 8, fill: fill(look.overdue), stroke: edge }), zIndex: 2 });
  const other = new Style({ image: new CircleStyle({ radius: 5, fill: fill(look.other), stroke: edge }), zIndex: 1 });
  const health: Record<string, Style> = {
    heard: new Style({ image: new RegularShape({ points: 4, angle: Math.PI / 4, radius: 4, fill: fill(look.heard) }) }),
    silent: new Style({ image: new RegularShape({ points: 4, radius: 5, radius2: 0, angle: Math.PI / 4, stroke: line(look.silent, 2) }) }),
    never: new Style({ image: new CircleStyle({ radius: 3, stroke: line(look.never, 1.2) }) }),
  };
  const camera = new Style({ image: new RegularShape({ points: 5, radius: 5, fill: fill(look.camera) }) });
  const areas: Record<string, Style> = {
    district: new Style({ stroke: line(look.district, 2.4), zIndex: 3 }),
    street: new Style({ stroke: line(look.street, 1.3), zIndex: 2 }),
    community: new Style({ stroke: line(look.community, 0.8, [4, 4]), zIndex: 1 }),
  };
  const names = new Map<string, Style>();
  return {
    cell: new Style({ stroke: line(look.cell, 0.6) }),
    ruler: new Style({ stroke: line(look.ruler, 2, [6, 4]) }),
    /** Urgent ones are red triangles, overdue ones amber diamonds, the rest blue dots. */
    ofIncident: (incident: Incident): Style => (incident.urgent ? urgent : incident.overdue ? overdue : other),
    /** Heard ones are green squares, silent ones amber crosses, never heard grey rings; cameras violet pentagons. */
    ofMachine: (kind: string, state: string): Style | undefined => (kind === "camera" ? camera : health[state]),
    ofArea: (level: string): Style | undefined => areas[level],
    /** The name of an area, larger for larger ones. */
    ofName(level: string, name: string): Style {
      const key = `${level}|${name}`;
      const known = names.get(key);
      if (known) return known;
      const [size, zIndex] = SIZES[level] ?? [11, 1];
      const large = level === "district";
      const text = new Text({ text: name, font: `${large ? 600 : 400} ${size}px ${FONT}`, fill: fill(large ? look.nameDistrict : look.name), stroke: line(look.halo, 3), overflow: true });
      const style = new Style({ text, zIndex });
      names.set(key, style);
      return style;
    },
  };
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
