/** The planes that base maps are cut in: Web Mercator and degrees, of WGS-84 or of GCJ-02. */

import { addCoordinateTransforms, addProjection, fromLonLat, Projection, toLonLat, transformExtent } from "ol/proj";
import { createXYZ } from "ol/tilegrid";
import TileGrid from "ol/tilegrid/TileGrid";
import type { components } from "@/client/openapi";
import { fromGcj02, toGcj02 } from "./gcj02";

type Tiles = components["schemas"]["BaseMapTiles"];
type Lattice = Pick<Tiles, "grid" | "lowest" | "highest" | "tile" | "origin" | "resolutions">;

const RADIUS = 6378137;

/** How the plane is cut into tiles. */
export function lattice(about: Lattice): TileGrid {
  const tileSize = about.tile;
  if (about.grid === "EPSG:3857" && !about.resolutions) return createXYZ({ minZoom: about.lowest, maxZoom: about.highest, tileSize });
  const whole = about.grid === "EPSG:3857" ? 2 * Math.PI * RADIUS : 360;
  const known = about.resolutions ?? Array.from({ length: about.highest + 1 }, (_, z) => whole / tileSize / 2 ** z);
  const corner = about.grid === "EPSG:3857" ? [-whole / 2, whole / 2] : [-180, 90];
  return new TileGrid({ origin: (about.origin as [number, number] | null) ?? corner, resolutions: known, minZoom: Math.min(about.lowest, known.length - 1), tileSize });
}

/** The projection of tiles: Web Mercator or degrees, of WGS-84 (CGCS2000 is the same to decimetres) or of GCJ-02. */
export function projection(about: { grid: Tiles["grid"]; datum: Tiles["datum"] }): string | Projection {
  const plane = about.grid === "EPSG:3857" ? "EPSG:3857" : "EPSG:4326";
  return about.datum === "gcj02" ? shifted(plane) : plane;
}

const made = new Map<string, Projection>();

function shifted(plane: "EPSG:3857" | "EPSG:4326"): Projection {
  const found = made.get(plane);
  if (found) return found;
  const metres = plane === "EPSG:3857";
  const extent = metres ? transformExtent([-180, -85, 180, 85], "EPSG:4326", plane) : [-180, -90, 180, 90];
  const one = new Projection({
    code: `GCJ-02/${plane}`,
    units: metres ? "m" : "degrees",
    extent,
    worldExtent: [-180, -85, 180, 85],
    getPointResolution: metres ? (resolution, [, y = 0]) => resolution / Math.cosh(y / RADIUS) : undefined,
  });
  addProjection(one);
  const back = ([x = 0, y = 0]: number[]) => [...fromGcj02(...degrees(x, y, metres))];
  const there = ([lon = 0, lat = 0]: number[]) => (metres ? fromLonLat([...toGcj02(lon, lat)]) : [...toGcj02(lon, lat)]);
  addCoordinateTransforms(one, "EPSG:3857", (at) => fromLonLat(back(at)), (at) => there(toLonLat(at)));
  addCoordinateTransforms(one, "EPSG:4326", back, there);
  made.set(plane, one);
  return one;
}

function degrees(x: number, y: number, metres: boolean): [number, number] {
  const [lon = 0, lat = 0] = metres ? toLonLat([x, y]) : [x, y];
  return [lon, lat];
}
