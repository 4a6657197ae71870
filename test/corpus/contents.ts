import { readDatabase } from '../../src/engine/database.js';
import { type ExportedEntry, exportEntries } from '../../src/export/entries.js';

/** Visible entries by column family: key to value, bytes as Latin-1. */
export type Contents = Map<string, Map<string, string>>;

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** Takes what an export finds and keeps it. */
export class ContentsSink {
  readonly contents: Contents = new Map();
  private entries = new Map<string, string>();

  async family({ name }: { name: string }): Promise<void> {
    this.entries = new Map();
    this.contents.set(name, this.entries);
  }

  entry({ key, value }: ExportedEntry): void {
    this.entries.set(text(key), text(value));
  }

  async flush(): Promise<void> {}
}

/** What a reader of `dir` sees. Rejects where it would not see all of it. */
export async function contentsOf(dir: string, engineVersion?: string): Promise<Contents> {
  const sink = new ContentsSink();
  const database = await readDatabase(dir, engineVersion === undefined ? {} : { engineVersion });
  const { withoutWals, problems } = await exportEntries(database, sink);
  if (withoutWals !== undefined) throw new Error(`does not open: ${withoutWals}`);
  if (problems.length > 0) throw new Error(`cannot be read: ${problems[0].file}: ${problems[0].message}`);
  return sink.contents;
}

export function entriesIn(contents: Contents): number {
  return [...contents.values()].reduce((sum, { size }) => sum + size, 0);
}

/** How contents differ from what they were before the damage. */
export interface Difference {
  /** Entries that are gone. */
  lost: number;
  /** Keys that were deleted and are back. */
  back: number;
  /** Keys with another value. */
  stale: number;
}

export function difference(before: Contents, after: Contents): Difference {
  const found: Difference = { lost: 0, back: 0, stale: 0 };
  for (const [name, entries] of before) {
    const now = after.get(name);
    for (const [key, value] of entries) {
      const there = now?.get(key);
      if (there === undefined) found.lost++;
      else if (there !== value) found.stale++;
    }
    for (const key of now?.keys() ?? []) if (!entries.has(key)) found.back++;
  }
  return found;
}
