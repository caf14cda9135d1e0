/** The city's grid on a map: static tiles drawn once, and over them only the cells that have something to say. */

import Feature from "ol/Feature";
import type { Extent } from "ol/extent";
import { createEmpty, extend } from "ol/extent";
import MVT from "ol/format/MVT";
import type BaseLayer from "ol/layer/Base";
import type Geometry from "ol/geom/Geometry";
import MultiPolygon from "ol/geom/MultiPolygon";
import Polygon from "ol/geom/Polygon";
import VectorLayer from "ol/layer/Vector";
import VectorTileLayer from "ol/layer/VectorTile";
import type RenderFeature from "ol/render/Feature";
import { toGeometry } from "ol/render/Feature";
import { transformExtent } from "ol/proj";
import VectorSource from "ol/source/Vector";
import VectorTileSource from "ol/source/VectorTile";
import { createXYZ } from "ol/tilegrid";
import type VectorTile from "ol/VectorTile";
import type { Map as OlMap } from "ol";
import { send } from "@/client/ask";
import type { components } from "@/client/openapi";
import { ofHeat, type Symbols } from "./symbols";

export type Tiles = components["schemas"]["GridTiles"];

const TILE = 512;
/** Pixels: borders of narrower cells are a fog that costs a second to draw; the cells themselves still fill with heat. */
const THINNEST = 4;
/** Tiles whose features are kept at hand for the heat: what a screen shows at one zoom, and some. */
const AT_HAND = 48;

export class Grid {
  readonly layers: BaseLayer[];
  private readonly source: VectorTileSource<RenderFeature>;
  private readonly heat = new VectorSource();
  private readonly tiles = new Map<string, { z: number; features: RenderFeature[] }>();
  private readonly extents = new Map<string, Extent>();
  private counts: ReadonlyMap<number, number> = new Map();
  /** About how wide a cell is, in units of the map. */
  private readonly cellWidth: number;
  private drawing: ReturnType<typeof setTimeout> | undefined;

  /** `ready` is called whenever more areas are known by their extent. */
  constructor(
    private readonly about: Tiles,
    private readonly map: OlMap,
    private readonly symbols: Symbols,
    private readonly ready: () => void,
  ) {
    this.source = new VectorTileSource<RenderFeature>({
      format: new MVT<RenderFeature>(),
      tileGrid: createXYZ({ minZoom: about.lowest, maxZoom: about.highest, tileSize: TILE }),
      url: `api/v1/grid/tiles/${about.digest}/{z}/{x}/{y}`,
      overlaps: false,
      cacheSize: 64,
      tileLoadFunction: (tile, url) => this.load(tile as unknown as VectorTile<RenderFeature>, url),
    });
    this.source.on("tileloadend", (event) => this.keep(event.tile as unknown as VectorTile<RenderFeature>));
    const ground = new VectorTileLayer({ source: this.source, declutter: true, style: (feature, resolution) => this.style(feature as RenderFeature, resolution) });
    const hot = new VectorLayer({ source: this.heat, style: (feature) => ofHeat(feature.get("count") as number) });
    this.layers = [hot, ground];
    const [west, south, east, north] = transformExtent(about.bounds, "EPSG:4326", "EPSG:3857") as [number, number, number, number];
    this.cellWidth = Math.sqrt(((east - west) * (north - south)) / Math.max(1, about.cells));
    map.on("moveend", () => this.redrawSoon());
  }

  /** Where an area lies, as far as its tiles are here. */
  extentOf(code: string): Extent | undefined {
    return this.extents.get(code);
  }

  /** Fill the cells that have a count, by their place in the order of codes. */
  show(counts: ReadonlyMap<number, number>): void {
    this.counts = counts;
    this.redrawSoon();
  }

  private load(tile: VectorTile<RenderFeature>, url: string): void {
    tile.setLoader((extent, _resolution, projection) => {
      send(url, {}, { headers: { Accept: "application/vnd.mapbox-vector-tile" } })
        .then(async (answer) => {
          const data = answer.status === 204 ? new ArrayBuffer(0) : await answer.arrayBuffer();
          const features = tile.getFormat().readFeatures(data, { extent, featureProjection: projection }) as RenderFeature[];
          tile.setFeatures(features);
        })
        .catch(() => tile.setState(3));
    });
  }

  private keep(tile: VectorTile<RenderFeature>): void {
    const [z = 0] = tile.tileCoord;
    const features = (tile.getFeatures() ?? []) as RenderFeature[];
    this.tiles.set(tile.tileCoord.join("/"), { z, features: features.filter((f) => f.get("layer") === "cells") });
    // The lowest zoom, a handful of tiles, stays for when nothing finer is here.
    for (const [key, { z: of }] of this.tiles) {
      if (this.tiles.size <= AT_HAND) break;
      if (of !== this.about.lowest) this.tiles.delete(key);
    }
    for (const one of features) {
      if (one.get("layer") !== "areas") continue;
      const code = one.get("code") as string;
      const extent = this.extents.get(code) ?? createEmpty();
      this.extents.set(code, extend(extent, one.getExtent()));
    }
    this.ready();
    this.redrawSoon();
  }

  private redrawSoon(): void {
    this.drawing ??= setTimeout(() => {
      this.drawing = undefined;
      this.redraw();
    }, 60);
  }

  private redraw(): void {
    const wanted = this.source.getTileGrid()?.getZForResolution(this.map.getView().getResolution() ?? 1) ?? this.about.lowest;
    const has = [...this.tiles.values()].some((tile) => tile.z === wanted);
    const z = has ? wanted : this.about.lowest;
    const pieces = new Map<number, Polygon[]>();
    if (this.counts.size) {
      for (const tile of this.tiles.values()) {
        if (tile.z !== z) continue;
        for (const one of tile.features) {
          const id = one.getId() as number;
          if (!this.counts.has(id)) continue;
          const geometry = toGeometry(one) as Geometry;
          const found = pieces.get(id) ?? [];
          if (geometry instanceof MultiPolygon) found.push(...geometry.getPolygons());
          else if (geometry instanceof Polygon) found.push(geometry);
          pieces.set(id, found);
        }
      }
    }
    this.heat.clear(true);
    this.heat.addFeatures([...pieces].map(([id, parts]) => new Feature({ geometry: new MultiPolygon(parts), count: this.counts.get(id) })));
  }

  private style(feature: RenderFeature, resolution: number) {
    const layer = feature.get("layer") as string;
    if (layer === "cells") return this.cellWidth / resolution < THINNEST ? undefined : this.symbols.cell;
    const level = feature.get("level") as string;
    if (layer === "areas") return this.symbols.ofArea(level);
    const zoom = this.map.getView().getZoom() ?? 0;
    const deep = level === "district" ? true : level === "street" ? zoom > this.about.lowest - 0.5 : zoom > this.about.lowest + 1.5;
    return deep ? this.symbols.ofName(level, feature.get("name") as string) : undefined;
  }
}
