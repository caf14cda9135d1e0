/** The map's code, fetched when it is first needed, and again while the server is away. */

type Map = typeof import("@/map/city");
const AGAIN_MS = 3_000;

/** The map's class; null where nobody wants it any more. */
export async function mapCode(wanted: () => boolean): Promise<Map["CityMap"] | null> {
  while (wanted()) {
    try {
      return (await import("@/map/city")).CityMap;
    } catch {
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
  return null;
}
