/** IndexedDB with promises, as much of it as the phone page needs: a library of it took more than the page had left of its 60 kB. */

/** What a request brings; its fault where it fails. */
export const brought = <T>(asked: IDBRequest<T>): Promise<T> =>
  new Promise((done, failed) => {
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });

/** Until all of it is kept; a full phone refuses only here. */
export const ended = (work: IDBTransaction): Promise<void> =>
  new Promise((done, failed) => {
    work.oncomplete = () => done();
    work.onabort = work.onerror = () => failed(work.error);
  });

/** Open a database, made or brought to this edition by `upgrade`, which is told the edition before. */
export function opened(name: string, edition: number, upgrade: (made: IDBDatabase, before: number) => void): Promise<IDBDatabase> {
  const asked = indexedDB.open(name, edition);
  asked.onupgradeneeded = (event) => upgrade(asked.result, event.oldVersion);
  return brought(asked);
}
