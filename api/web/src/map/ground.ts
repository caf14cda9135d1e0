/** How a vector base map looks below ours: dark and quiet, by the names that common schemas give their layers. */

import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import type { FeatureLike } from "ol/Feature";

const area = (color: string): Style => new Style({ fill: new Fill({ color }) });
const line = (color: string, width: number): Style => new Style({ stroke: new Stroke({ color, width }) });

const AREAS: readonly (readonly [layer: RegExp, style: Style])[] = [
  [/water|ocean|river|lake/, area("#0b2440")],
  [/land(use|cover)|park|green|natural/, area("#0a1c22")],
  [/build/, area("#12203a")],
];
const LINES: readonly (readonly [layer: RegExp, style: Style])[] = [
  [/bound|admin/, line("#3a4f73", 1)],
  [/water|river/, line("#0f3157", 1)],
];
const ROADS: readonly (readonly [kind: RegExp, style: Style])[] = [
  [/motorway|trunk|highway/, line("#3b5580", 3)],
  [/primary|secondary|major/, line("#314667", 2)],
  [/rail/, line("#2a3650", 1)],
];
const ROAD = line("#24344f", 1);
const NAME = new Text({ font: '12px "Noto Sans CJK SC", sans-serif', fill: new Fill({ color: "#8ea3c2" }), stroke: new Stroke({ color: "#06101f", width: 3 }) });

/** The style of a feature of a vector base map; what is of no known kind is not drawn. */
export function ofBase(feature: FeatureLike): Style | undefined {
  const layer = String(feature.get("layer"));
  const kind = String(feature.get("class") ?? feature.get("kind") ?? feature.get("highway") ?? "");
  const type = feature.getGeometry()?.getType() ?? "";
  if (type.endsWith("Polygon")) return AREAS.find(([name]) => name.test(layer))?.[1];
  if (type.endsWith("LineString")) {
    if (/road|transport|street/.test(layer)) return ROADS.find(([name]) => name.test(kind))?.[1] ?? ROAD;
    return LINES.find(([name]) => name.test(layer))?.[1];
  }
  const name = feature.get("name:zh") ?? feature.get("name");
  if (!name || !/place|poi|label|name/.test(layer)) return undefined;
  const text = NAME.clone();
  text.setText(String(name));
  return new Style({ text });
}
