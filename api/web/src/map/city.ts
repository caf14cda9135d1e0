/** The city's map: grid, heat, machines and incidents on one canvas, without a graphics card. */

import "ol/ol.css";
import View from "ol/View";
import Feature from "ol/Feature";
import { boundingExtent, type Extent, isEmpty } from "ol/extent";
import Point from "ol/geom/Point";
import LineString from "ol/geom/LineString";
import VectorLayer from "ol/layer/Vector";
import Overlay from "ol/Overlay";
import { fromLonLat, toLonLat, transformExtent } from "ol/proj";
import VectorSource from "ol/source/Vector";
import { getLength } from "ol/sphere";
import { get, Refusal } from "@/client/ask";
import type { components } from "@/client/openapi";
import type { Incident } from "@/client/wire";
import { Glide, StillMap } from "./glide";
import { Grid } from "./grid";
import { DARK, type Look } from "./looks";
import { type Symbols, symbolsOf } from "./symbols";

type Machine = components["schemas"]["WallMachine"];

/** What is to be said of the map below ours: whose it is, that it does not answer, or why it is not used. */
export interface Below {
  credit: string;
  silent: boolean;
  refused: [zh: string, en: string] | null;
}

/** Where a map begins: degrees WGS-84, and a zoom. */
export type Beginning = readonly [lon: number, lat: number, zoom: number];

/** `lon,lat,zoom` as an address gives it. */
export function beginning(text: string | null): Beginning | null {
  const [lon = NaN, lat = NaN, zoom = 16] = (text ?? "").split(",").map(Number);
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 85 && zoom >= 0 && zoom <= 24 ? [lon, lat, zoom] : null;
}

/** What a person pointed at. */
export type Picked =
  | { kind: "incident"; incident: Incident }
  | { kind: "machine"; machine: Machine }
  | { kind: "place"; lon: number; lat: number };

let early: Promise<components["schemas"]["GridTiles"]> | null = null;

/** Ask where the tiles are before anything else is asked: the map is what takes longest to draw. */
export function askEarly(): void {
  early = get("/api/v1/grid/tiles");
  early.catch(() => undefined); // whoever draws the map hears of it
}

const RINGS_AT_ONCE = 4;
const RING_MS = 4000;
/** A burst is seen by its symbols; drawing an eye to each of them draws it to none. */
const RING_PAUSE_MS = 400;
/** Metres of the map for each pixel when a place is visited, if it is not nearer already. */
const VISIT = 3;
/** Of a map's canvas: half of a 4K screen's map is as sharp from where people stand, and is drawn in a third of the time. */
const MOST_PIXELS = 1_500_000;

export class CityMap {
  private readonly map: StillMap;
  private readonly glide: Glide;
  private readonly incidents = new VectorSource<Feature<Point>>();
  private readonly machines = new VectorSource<Feature<Point>>();
  private readonly ruler = new VectorSource<Feature<LineString>>();
  private readonly shown = new Map<string, Incident>();
  private readonly symbols: Symbols;
  private grid: Grid | null = null;
  private counts: ReadonlyMap<number, number> = new Map();
  private rings: Overlay[] = [];
  private rung = -RING_PAUSE_MS;
  private again: ReturnType<typeof setTimeout> | undefined;
  private home: Extent | null = null;
  private fitted: string | null = null;
  private gone = false;
  private stopBase = () => {};
  /** Where it begins, if not with the whole. */
  first: Beginning | null = null;
  private said: Below | null = null;
  private told: (said: Below) => void = () => {};

  /** `sharp`: device pixels for each of ours, with the scale of the canvas it stands on. */
  constructor(
    place: HTMLElement,
    sharp: number,
    private area: string | null,
    private readonly picked: (what: Picked) => void,
    private readonly look: Look = DARK,
  ) {
    const { ofIncident, ofMachine, ruler } = (this.symbols = symbolsOf(look));
    this.map = new StillMap({
      target: place,
      pixelRatio: Math.min(sharp, Math.max(1, Math.sqrt(MOST_PIXELS / (place.clientWidth * place.clientHeight || 1)))),
      controls: [],
      interactions: [],
      view: new View({ center: fromLonLat([113, 32]), zoom: 5, constrainRotation: 1, enableRotation: false, showFullExtent: true }),
      layers: [
        new VectorLayer({ source: this.machines, style: (f) => ofMachine(f.get("machine").kind, f.get("machine").health), zIndex: 3 }),
        new VectorLayer({ source: this.incidents, style: (f) => ofIncident(f.get("incident")), zIndex: 4 }),
        new VectorLayer({ source: this.ruler, style: ruler, zIndex: 5 }),
      ],
    });
    this.glide = new Glide(this.map);
    this.map.on("click", (event) => this.point(event.pixel, event.coordinate));
    void this.findGrid();
    void this.findBase();
  }

  dispose(): void {
    this.gone = true;
    this.stopBase();
    this.glide.stop();
    clearTimeout(this.again);
    this.rings.forEach((ring) => this.map.removeOverlay(ring));
    this.map.setTarget(undefined);
    this.map.dispose();
  }

  /** Whether no incident is on the map yet. */
  get empty(): boolean {
    return this.shown.size === 0;
  }

  /** Incidents on the map; only what changed is drawn again. */
  showIncidents(items: readonly Incident[]): void {
    const wanted = new Map(items.filter((one) => one.lon !== null && one.lat !== null).map((one) => [one.number, one]));
    for (const number of this.shown.keys()) {
      if (wanted.has(number)) continue;
      const feature = this.incidents.getFeatureById(number) as Feature<Point> | null;
      if (feature) this.incidents.removeFeature(feature);
      this.shown.delete(number);
    }
    const fresh: Feature<Point>[] = [];
    for (const [number, incident] of wanted) {
      if (this.shown.get(number) === incident) continue;
      const feature = this.incidents.getFeatureById(number) as Feature<Point> | null;
      this.shown.set(number, incident);
      if (feature) {
        feature.set("incident", incident);
        continue;
      }
      const added = new Feature({ geometry: new Point(fromLonLat([incident.lon!, incident.lat!])), incident });
      added.setId(number);
      fresh.push(added);
    }
    if (fresh.length) this.incidents.addFeatures(fresh);
  }

  showMachines(places: readonly Machine[]): void {
    this.machines.clear(true);
    this.machines.addFeatures(places.map((machine) => new Feature({ geometry: new Point(fromLonLat([machine.lon, machine.lat])), machine })));
  }

  /** Counts by a cell's place in the order of codes, zeros left out. */
  showHeat(counts: ReadonlyMap<number, number>): void {
    this.counts = counts;
    this.grid?.show(counts);
  }

  /** A ring that draws the eye to a place for some seconds. */
  ring(lon: number, lat: number, tone: string): void {
    if (performance.now() - this.rung < RING_PAUSE_MS) return;
    this.rung = performance.now();
    const element = document.createElement("div");
    element.className = `ring ${tone}`;
    const ring = new Overlay({ element, position: fromLonLat([lon, lat]), positioning: "center-center", stopEvent: false });
    this.map.addOverlay(ring);
    this.rings.push(ring);
    const remove = (one: Overlay) => {
      this.map.removeOverlay(one);
      this.rings = this.rings.filter((other) => other !== one);
    };
    if (this.rings.length > RINGS_AT_ONCE && this.rings[0]) remove(this.rings[0]);
    setTimeout(() => remove(ring), RING_MS);
  }

  /** Go to a place. */
  visit(lon: number, lat: number): void {
    this.glide.to({ center: fromLonLat([lon, lat]), resolution: Math.min(this.map.getView().getResolution() ?? VISIT, VISIT) });
  }

  /** Back to the whole of what this wall shows. */
  whole(): void {
    const extent = (this.area && this.grid?.extentOf(this.area)) || this.home;
    if (extent && !isEmpty(extent)) this.map.getView().fit(extent, { padding: [44, 20, 72, 20] });
  }

  /** Tell somebody of the map below, now if it is known, and whenever that changes. */
  tell(whom: (said: Below) => void): void {
    this.told = whom;
    if (this.said) whom(this.said);
  }

  private hear(said: Below): void {
    this.said = said;
    this.told(said);
  }

  /** Nearer by so many doublings. */
  zoom(by: number): void {
    this.glide.zoom(by);
  }

  /** Metres along places in degrees, drawn as a line; fewer than two draw nothing. */
  measure(places: readonly (readonly [number, number])[]): number {
    this.ruler.clear(true);
    if (places.length < 2) return 0;
    const line = new LineString(places.map((place) => fromLonLat([...place])));
    this.ruler.addFeature(new Feature(line));
    return getLength(line);
  }

  private async findGrid(): Promise<void> {
    try {
      const asked = early ?? get("/api/v1/grid/tiles");
      early = null;
      const about = await asked;
      if (this.gone) return;
      const [west, south, east, north] = about.bounds as [number, number, number, number];
      const first = this.home === null;
      this.home = transformExtent([west, south, east, north], "EPSG:4326", "EPSG:3857");
      if (first) this.begin();
      if (!about.ready) {
        this.again = setTimeout(() => void this.findGrid(), 1500);
        return;
      }
      this.grid = new Grid(about, this.map, this.symbols, () => this.fitArea());
      this.grid.layers.forEach((layer, n) => {
        layer.setZIndex(n + 1);
        this.map.addLayer(layer);
      });
      this.begin();
      this.grid.show(this.counts);
      // For whoever measures: when all that was asked for stood on the screen, in milliseconds since the page was asked.
      this.map.once("rendercomplete", () => {
        this.map.pace();
        const place = this.map.getTargetElement();
        if (place) place.dataset.drawn = String(Math.round(performance.now()));
      });
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      // No edition, or nobody there: the map shows what has a place, and asks again.
      this.withoutGrid();
      this.map.pace();
      if (!this.gone) this.again = setTimeout(() => void this.findGrid(), 3000);
    }
  }

  private begin(): void {
    if (!this.first) return this.whole();
    const [lon, lat, zoom] = this.first;
    this.map.getView().setCenter(fromLonLat([lon, lat]));
    this.map.getView().setZoom(zoom);
  }

  /** The map below ours, where the city declares one; the code that draws it comes only then. */
  private async findBase(): Promise<void> {
    try {
      const about = await get("/api/v1/grid/base-map");
      const said: Below = { credit: about.credit, silent: false, refused: about.refused && [about.refused.zh, about.refused.en] };
      if (this.gone) return;
      this.hear(said);
      if (!about.layers.length) return;
      const { showBase } = await import("./base");
      const stop = await showBase(this.map, about, this.look, (well) => this.hear({ ...said, silent: !well }));
      if (this.gone) stop();
      else this.stopBase = stop;
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault; // without one: the map is what it was
    }
  }

  private withoutGrid(): void {
    const extent = this.incidents.getExtent();
    if (extent && !isEmpty(extent) && !this.home) this.map.getView().fit(boundingExtent([[extent[0]!, extent[1]!], [extent[2]!, extent[3]!]]), { padding: [60, 60, 60, 60], maxZoom: 15 });
  }

  private fitArea(): void {
    if (!this.area) return;
    const known = this.grid?.extentOf(this.area);
    const key = known?.map(Math.round).join();
    if (!known || key === this.fitted) return;
    this.fitted = key ?? null;
    this.begin();
  }

  private point(pixel: number[], coordinate: number[]): void {
    let found: Picked | null = null;
    this.map.forEachFeatureAtPixel(
      pixel,
      (feature) => {
        const incident = feature.get("incident") as Incident | undefined;
        const machine = feature.get("machine") as Machine | undefined;
        if (incident) found = { kind: "incident", incident };
        else if (machine && !found) found = { kind: "machine", machine };
        return Boolean(incident);
      },
      { hitTolerance: 4, layerFilter: (layer) => layer instanceof VectorLayer },
    );
    const [lon = 0, lat = 0] = toLonLat(coordinate);
    this.picked(found ?? { kind: "place", lon, lat });
  }
}
