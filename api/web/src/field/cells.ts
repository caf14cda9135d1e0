/** The outlines of unit grid cells, asked for once and kept on the phone for the time without a network. */

import { get, Refusal } from "@/client/ask";
import { recall, remember } from "./store";

/** One place in degrees, WGS-84. */
export type Spot = readonly [lon: number, lat: number];

export interface Cell {
  code: string;
  name: string | null;
  /** Each ring of each part, the outer ones and the holes. */
  rings: readonly (readonly Spot[])[];
}

/** A list of tasks keeps the outlines of so many of the first, so that they are there in the cellar too. */
const AHEAD = 30;

/** From the phone, else from the server; null where neither has it. */
export async function cellOf(code: string): Promise<Cell | null> {
  const kept = await recall<Cell>(`cell ${code}`);
  if (kept) return kept;
  try {
    const told = await get("/api/v1/grid/cells/{code}", undefined, { code });
    const polygon = told.polygon as { type: string; coordinates: Spot[][] | Spot[][][] };
    const rings = (polygon.type === "Polygon" ? polygon.coordinates : (polygon.coordinates as Spot[][][]).flat()) as Spot[][];
    const cell: Cell = { code, name: told.name, rings };
    await remember(`cell ${code}`, cell);
    return cell;
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    return null;
  }
}

let running = false;

/** Fetch what is not here yet, one after another. */
export async function fetchAhead(codes: readonly string[]): Promise<void> {
  if (running) return;
  running = true;
  try {
    for (const code of [...new Set(codes)].slice(0, AHEAD)) if (!(await cellOf(code))) return;
  } finally {
    running = false;
  }
}
