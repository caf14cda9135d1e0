/** The layouts a wall can show: three of ours, and those the city has put beside them. */

import { get } from "@/client/ask";
import { faults, type Layout } from "./layout";
import city from "./layouts/city.json";
import district from "./layouts/district.json";
import theme from "./layouts/theme.json";

export const builtIn: readonly Layout[] = [city, district, theme] as unknown as Layout[];

/** The city's own, as far as they are sound; none where the server cannot be asked. */
export async function own(): Promise<Layout[]> {
  try {
    const told = (await get("/api/v1/wall/layouts")) as { layouts: unknown[] };
    const taken = new Set(builtIn.map((one) => one.name));
    return told.layouts.filter((one): one is Layout => !faults(one).length && !taken.has((one as Layout).name));
  } catch {
    return [];
  }
}
