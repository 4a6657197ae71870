import type { ExportedEntry } from '../export/entries.js';
import { type ExportedTarget, type ExportRequest, exportTarget } from './export-target.js';

/** An entry with the column family that it is of, the caller's to keep. */
export type LibraryEntry = ExportedEntry & { columnFamily: string };

/** What readers see of a database, entry by entry. */
export interface Exported extends AsyncIterable<LibraryEntry> {
  /** What was exported and what was not; there once all entries have been taken. */
  readonly summary: ExportedTarget | undefined;
}

/** The reader went away. */
class Stopped extends Error {}

/**
 * What a reader of a directory would see, in the order of keys, one column family after the other. Nothing is read before the first
 * entry is asked for, and no further than is asked for; it can be gone through once.
 */
export function exportedEntries(target: string, request: Omit<ExportRequest, 'onProgress'> = {}): Exported {
  let summary: ExportedTarget | undefined;
  return {
    get summary() {
      return summary;
    },
    async *[Symbol.asyncIterator]() {
      let ready: LibraryEntry[] = [];
      let [filled, fill] = signal();
      let [taken, take] = signal();
      let ended = false;
      let stopped = false;
      let family = '';
      let held: LibraryEntry[] = [];
      const work = exportTarget(
        target,
        {
          takesVersions: true,
          async family({ name }) {
            family = name;
          },
          entry: (entry) => held.push(copied(entry, family)),
          async flush() {
            [ready, held] = [held, []];
            fill();
            await taken;
            [taken, take] = signal();
            if (stopped) throw new Stopped();
          },
        },
        request,
      ).finally(() => {
        ended = true;
        fill();
      });
      work.catch(() => {});
      try {
        for (;;) {
          await filled;
          [filled, fill] = signal();
          yield* ready;
          ready = [];
          if (ended) break;
          take();
        }
        summary = await work;
      } finally {
        stopped = true;
        take();
        await work.catch((error) => {
          if (!(error instanceof Stopped)) throw error;
        });
      }
    },
  };
}

/** A promise, and what fulfils it: Node 20 has no Promise.withResolvers. */
function signal(): [Promise<void>, () => void] {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return [promise, resolve];
}

/** The entry's bytes are views that the next one overwrites. */
function copied(
  { key, value, columns, unmerged, ...rest }: ExportedEntry,
  columnFamily: string,
): LibraryEntry {
  return {
    ...rest,
    columnFamily,
    key: key.slice(),
    value: value.slice(),
    ...(columns && { columns: structuredClone(columns) }),
    ...(unmerged && { unmerged: structuredClone(unmerged) }),
  };
}
