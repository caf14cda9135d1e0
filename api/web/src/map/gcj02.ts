/** GCJ-02 in both directions, exactly: the same formulas, box and inverse as the engine's own (grid/coordinates.py).
 *
 * Places outside the customary box are not shifted. The way back looks for the place that is moved here, until it is
 * right to a ten-thousandth of a millimetre.
 */

export type Degrees = readonly [lon: number, lat: number];

const [WEST, EAST, SOUTH, NORTH] = [72.004, 137.8347, 0.8293, 55.8271];
const AXIS = 6378245; // m, Krasovsky 1940
const ECCENTRICITY = 0.00669342162296594323; // squared
const STEPS = 30;
const CLOSE_ENOUGH = 1e-12;
const RADIANS = Math.PI / 180;

const inside = (lon: number, lat: number): boolean => lon >= WEST && lon <= EAST && lat >= SOUTH && lat <= NORTH;

/** A sum of sine waves, in metres. */
const waves = (...terms: readonly (readonly [size: number, angle: number])[]): number =>
  (terms.reduce((sum, [size, angle]) => sum + size * Math.sin(angle * Math.PI), 0) * 2) / 3;

function everywhere(lon: number, lat: number): Degrees {
  const [x, y] = [lon - 105, lat - 35];
  const root = Math.sqrt(Math.abs(x));
  const both = waves([20, 6 * x], [20, 2 * x]);
  const east =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both + waves([20, x], [40, x / 3]) + waves([150, x / 12], [300, x / 30]);
  const north =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both + waves([20, y], [40, y / 3]) + waves([160, y / 12], [320, y / 30]);
  const bulge = 1 - ECCENTRICITY * Math.sin(lat * RADIANS) ** 2;
  const perEast = (AXIS / Math.sqrt(bulge)) * Math.cos(lat * RADIANS);
  const perNorth = (AXIS * (1 - ECCENTRICITY)) / bulge ** 1.5;
  return [lon + east / perEast / RADIANS, lat + north / perNorth / RADIANS];
}

/** Degrees WGS-84 as degrees GCJ-02. */
export const toGcj02 = (lon: number, lat: number): Degrees => (inside(lon, lat) ? everywhere(lon, lat) : [lon, lat]);

/** Degrees GCJ-02 as degrees WGS-84. */
export function fromGcj02(lon: number, lat: number): Degrees {
  if (!(lon > WEST - 1 && lon < EAST + 1 && lat > SOUTH - 1 && lat < NORTH + 1)) return [lon, lat];
  let [x, y] = [lon, lat];
  for (let step = 0; step < STEPS; step += 1) {
    const [thereX, thereY] = everywhere(x, y);
    const [offX, offY] = [thereX - lon, thereY - lat];
    x -= offX;
    y -= offY;
    if (!(Math.max(Math.abs(offX), Math.abs(offY)) >= CLOSE_ENOUGH)) break;
  }
  return inside(x, y) ? [x, y] : [lon, lat];
}
