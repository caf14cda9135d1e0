/** How a vector base map looks below ours: quiet, by the names that common schemas give their layers. */

import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import Text from "ol/style/Text";
import type { FeatureLike } from "ol/Feature";
import type { Look } from "./looks";

type Named = readonly (readonly [layer: RegExp, style: Style])[];

const area = (color: string): Style => new Style({ fill: new Fill({ color }) });
const line = (color: string, width: number): Style => new Style({ stroke: new Stroke({ color, width }) });

const NAME_FONT = '12px "Noto Sans CJK SC", sans-serif';

/** How each feature of a vector base map looks; what is of no known kind is not drawn. */
export function ofBase(look: Look): (feature: FeatureLike) => Style | undefined {
  const areas: Named = [
    [/water|ocean|river|lake/, area(look.water)],
    [/land(use|cover)|park|green|natural/, area(look.land)],
    [/build/, area(look.building)],
  ];
  const lines: Named = [
    [/bound|admin/, line(look.boundary, 1)],
    [/water|river/, line(look.river, 1)],
  ];
  const roads: Named = [
    [/motorway|trunk|highway/, line(look.roadLarge, 3)],
    [/primary|secondary|major/, line(look.roadMiddle, 2)],
    [/rail/, line(look.rail, 1)],
  ];
  const road = line(look.road, 1);
  const label = new Text({ font: NAME_FONT, fill: new Fill({ color: look.baseName }), stroke: new Stroke({ color: look.halo, width: 3 }) });
  const of = (all: Named, name: string) => all.find(([known]) => known.test(name))?.[1];
  return (feature) => {
    const layer = String(feature.get("layer"));
    const kind = String(feature.get("class") ?? feature.get("kind") ?? feature.get("highway") ?? "");
    const type = feature.getGeometry()?.getType() ?? "";
    if (type.endsWith("Polygon")) return of(areas, layer);
    if (type.endsWith("LineString")) return /road|transport|street/.test(layer) ? (of(roads, kind) ?? road) : of(lines, layer);
    const name = feature.get("name:zh") ?? feature.get("name");
    if (!name || !/place|poi|label|name/.test(layer)) return undefined;
    const text = label.clone();
    text.setText(String(name));
    return new Style({ text });
  };
}
