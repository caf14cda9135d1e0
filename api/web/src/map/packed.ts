/** A PMTiles file of our own server, read by ranges: pictures in any datum, vectors by a plain style. */

import TileState from "ol/TileState";
import type ImageTile from "ol/ImageTile";
import type VectorTile from "ol/VectorTile";
import { transformExtent } from "ol/proj";
import MVT from "ol/format/MVT";
import TileLayer from "ol/layer/Tile";
import VectorTileLayer from "ol/layer/VectorTile";
import type RenderFeature from "ol/render/Feature";
import TileImage from "ol/source/TileImage";
import VectorTileSource from "ol/source/VectorTile";
import { EtagMismatch, PMTiles, type Source } from "pmtiles";
import { send } from "@/client/ask";
import type { components } from "@/client/openapi";
import { lattice, projection } from "./planes";
import { ofBase } from "./ground";
import type { Look } from "./looks";

type Packed = components["schemas"]["BaseMapPacked"];

/** Ranges of a file, asked with our identity. */
class Ranges implements Source {
  constructor(private readonly file: string) {}

  getKey(): string {
    return this.file;
  }

  async getBytes(offset: number, length: number, signal?: AbortSignal, etag?: string) {
    const headers = { Accept: "application/octet-stream", Range: `bytes=${offset}-${offset + length - 1}` };
    const answer = await send(`/api/v1/grid/base-map/${encodeURIComponent(this.file)}`, {}, { headers, signal });
    const now = answer.headers.get("ETag") ?? undefined;
    if (etag !== undefined && now !== etag) throw new EtagMismatch(); // another file took its place: its index is read anew
    return { data: await answer.arrayBuffer(), etag: now };
  }
}

/** The layer of a packed file. */
export function packedLayer(about: Packed, look: Look): TileLayer<TileImage> | VectorTileLayer {
  const file = new PMTiles(new Ranges(about.file));
  return about.vector ? vectors(about, file, look) : pictures(about, file);
}

/** PMTiles are cut as Web Mercator is, 256 wide; vectors are drawn twice as large. */
const cut = (about: Packed, tile: number) =>
  lattice({ grid: "EPSG:3857", lowest: about.lowest, highest: about.highest, tile, origin: null, resolutions: null });

function pictures(about: Packed, file: PMTiles): TileLayer<TileImage> {
  const source = new TileImage({
    projection: projection({ grid: "EPSG:3857", datum: about.datum }),
    tileGrid: cut(about, 256),
    tileUrlFunction: (at) => at.join("/"),
    tileLoadFunction: (tile) => void picture(tile as ImageTile, file),
    transition: 0,
  });
  return new TileLayer({ source });
}

async function picture(tile: ImageTile, file: PMTiles): Promise<void> {
  const [z, x, y] = tile.tileCoord as [number, number, number];
  try {
    const found = await file.getZxy(z, x, y);
    // A picture we made ourselves: the policy lets in `data:`, and nothing that somebody could point elsewhere.
    (tile.getImage() as HTMLImageElement).src = found ? await asData(new Blob([found.data])) : NOTHING;
  } catch {
    tile.setState(TileState.ERROR);
  }
}

/** One pixel through which what lies below is seen. */
const NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

const asData = (blob: Blob): Promise<string> =>
  new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done((reader.result as string).replace(/^data:[^;]*;/, "data:image/png;")); // by its content, whatever it is called
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });

function vectors(about: Packed, file: PMTiles, look: Look): VectorTileLayer {
  const source = new VectorTileSource<RenderFeature>({
    format: new MVT<RenderFeature>(),
    tileGrid: cut(about, 512),
    url: "{z}/{x}/{y}",
    cacheSize: 64,
    tileLoadFunction: (tile) => load(tile as unknown as VectorTile<RenderFeature>, file),
  });
  const extent = transformExtent(about.bounds as [number, number, number, number], "EPSG:4326", "EPSG:3857");
  return new VectorTileLayer({ source, declutter: "base", style: ofBase(look), extent: extent.every(Number.isFinite) ? extent : undefined });
}

function load(tile: VectorTile<RenderFeature>, file: PMTiles): void {
  tile.setLoader((extent, _resolution, projection_) => {
    const [z, x, y] = tile.tileCoord as [number, number, number];
    file
      .getZxy(z, x, y)
      .then((found) => tile.setFeatures(found ? (tile.getFormat().readFeatures(found.data, { extent, featureProjection: projection_ }) as RenderFeature[]) : []))
      .catch(() => tile.setState(TileState.ERROR));
  });
}
