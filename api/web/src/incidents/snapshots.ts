/** Snapshots of machines among the photos of an incident: a camera may tell the same trouble a hundred times. */

interface Brought {
  move: string;
}

/** Whether a machine's event brought it, and no person. */
export const isSnapshot = (one: Brought): boolean => one.move === "event";

/** All photos of people, and of snapshots the first and the newest, `most` of them in all; in their order. */
export function few<T extends Brought>(photos: readonly T[], most: number): T[] {
  const snapshots = photos.filter(isSnapshot);
  if (snapshots.length <= most) return [...photos];
  const kept = new Set([snapshots[0]!, ...snapshots.slice(snapshots.length + 1 - most)]);
  return photos.filter((one) => !isSnapshot(one) || kept.has(one));
}
