/** Where our server is: every page is served one step below its root, whatever prefix a proxy puts before it. */

const ROOT = new URL("../", window.location.href);

/** The address of something on our server, given relative to its root, with its question. */
export function address(path: string, query: Record<string, unknown> = {}): string {
  const found = new URL(path.replace(/^\//, ""), ROOT);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") found.searchParams.append(name, String(one));
    }
  }
  return found.href;
}
