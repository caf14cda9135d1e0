/** The map below ours 底图: tiles from where the city says, each in the datum it declares. Its own chunk, fetched only
 * where a city has one. What does not answer is said and asked again; the rest of the map does not wait for it.
 */

import type BaseLayer from "ol/layer/Base";
import TileLayer from "ol/layer/Tile";
import type VectorTileLayer from "ol/layer/VectorTile";
import type OlMap from "ol/Map";
import type TileSource from "ol/source/Tile";
import TileImage from "ol/source/TileImage";
import { address } from "@/client/address";
import type { components } from "@/client/openapi";
import type { Look } from "./looks";
import { lattice, projection } from "./planes";

export type About = components["schemas"]["BaseMapShown"];
type Tiles = components["schemas"]["BaseMapTiles"];

/** Failures after each other that are no gap in the map but a server that is away. */
const AWAY = 2;
const AGAIN_MS = 30_000;

/** Draw the layers of a base map; `answers` is told whenever a server falls silent or comes back. Returns how to stop. */
export async function showBase(map: OlMap, about: About, look: Look, answers: (well: boolean) => void): Promise<() => void> {
  const silent = new Set<TileSource>();
  const stops: (() => void)[] = [];
  for (const [n, one] of about.layers.entries()) {
    const layer = one.kind === "tiles" ? tiled(one) : await (await import("./packed")).packedLayer(one, look);
    layer.setOpacity(one.opacity);
    layer.setZIndex(n - about.layers.length); // ours begin at one
    stops.push(
      watch(layer, (source, well) => {
        if (well) silent.delete(source);
        else silent.add(source);
        answers(silent.size === 0);
      }),
    );
    map.addLayer(layer);
  }
  return () => stops.forEach((stop) => stop());
}

/** Count what comes and what fails; a source that is away is asked again. */
function watch(layer: BaseLayer, heard: (source: TileSource, well: boolean) => void): () => void {
  const source = (layer as TileLayer<TileImage> | VectorTileLayer).getSource()!;
  let failures = 0;
  let again: ReturnType<typeof setTimeout> | undefined;
  source.on("tileloadend", () => {
    if (failures >= AWAY) heard(source, true);
    failures = 0;
  });
  source.on("tileloaderror", () => {
    failures += 1;
    if (failures === AWAY) heard(source, false);
    if (failures < AWAY) return;
    again ??= setTimeout(() => {
      again = undefined;
      source.refresh();
    }, AGAIN_MS);
  });
  return () => clearTimeout(again);
}

function tiled(about: Tiles): TileLayer<TileImage> {
  const source = new TileImage({
    projection: projection(about),
    tileGrid: lattice(about),
    tileUrlFunction: ([z = 0, x = 0, y = 0]) => filled(about, z, x, y),
    referrerPolicy: about.referrer ? "origin" : undefined,
    transition: 0, // a fade is ten more pictures of the whole
  });
  return new TileLayer({ source });
}

/** The address of a tile; neighbours come from different hosts where there are several. */
function filled(about: Tiles, z: number, x: number, y: number): string {
  const one = about.urls[(x + y) % about.urls.length] ?? "";
  const below = 2 ** z - 1 - y;
  const found = one.replace("{z}", String(z)).replace("{x}", String(x)).replace("{y}", String(y)).replace("{-y}", String(below));
  return /^https?:/.test(found) ? found : address(found);
}
