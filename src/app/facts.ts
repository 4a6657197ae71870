import path from 'node:path';
import { type Database, readDatabase } from '../engine/database.js';
import { decodeBatch } from '../format/batch/decode.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { pathKind } from '../io/path-kind.js';
import { TargetError } from '../io/target-error.js';
import { END, ENTRY } from '../lsm/cursor.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { openView } from '../lsm/recovered-view.js';
import { View } from '../lsm/view.js';
import { databaseView } from '../recovery/database-view.js';
import { modesOf, ownMode } from '../recovery/mode.js';
import type { ProfileFacts } from './profile.js';

type Entry = (key: Uint8Array, value: Uint8Array) => boolean;

/** Bytes of WALs that are looked through for keys. */
const LOOKED_THROUGH = 4 << 20;

/** What a view tells of itself. */
export function factsOfView(
  view: View,
  directory = '',
): Pick<ProfileFacts, 'columnFamilies' | 'sample' | 'entries'> & { directory: string } {
  const entries = (name: string, entry: Entry, from?: Uint8Array) => walk(view, name, entry, from);
  return {
    directory,
    columnFamilies: view.columnFamilies,
    entries,
    async sample(name, count) {
      const keys: Uint8Array[] = [];
      if (count > 0)
        await entries(name, (key) => {
          keys.push(key.slice());
          return keys.length < count;
        });
      return keys;
    },
  };
}

async function walk(view: View, name: string, entry: Entry, from?: Uint8Array): Promise<void> {
  const family = view.columnFamilies.find((each) => each.name === name);
  if (family === undefined) return;
  const visible = view.visible(family.id, { lenient: true, ...(from && { from }) });
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step !== ENTRY) {
        await visible.load();
        continue;
      }
      const { keyBytes, keyTo, valueBytes, valueFrom, valueTo } = visible;
      if (!entry(keyBytes.subarray(0, keyTo), valueBytes.subarray(valueFrom, valueTo))) return;
    }
  } finally {
    await visible.close();
  }
}

/** The facts of a database; close them when the profile is made. */
interface DatabaseFacts extends ProfileFacts {
  close(): void;
}

/**
 * What a database on disk tells, as little of it being read as is asked for: samples come from tables, and from WALs as they
 * lie where tables do not hold enough; only `entries` has the WALs replayed, in the first mode that opens.
 */
export function databaseFacts(database: Database): DatabaseFacts {
  const { version, target, inventory, dialect } = database;
  let tables: View | undefined;
  let recovered: Promise<View | undefined> | undefined;
  // each application that might be it asks for its own
  const samples = new Map<string, { count: number; keys: Uint8Array[] }>();
  const onlyTables = async () => {
    if (version === undefined) return undefined;
    tables ??= await View.open({ version, files: inventoryFiles(inventory), dialect });
    return tables;
  };
  const modes = [ownMode(database), ...modesOf(dialect).toReversed()];
  const withWals = () => {
    recovered ??= openView(database, modes).then(({ view }) => view);
    return recovered;
  };
  return {
    directory: target,
    columnFamilies: [...(version?.columnFamilies.values() ?? [])],
    async sample(name, count) {
      const known = samples.get(name);
      if (known !== undefined && (known.count >= count || known.keys.length < known.count))
        return known.keys.slice(0, count);
      const view = await onlyTables();
      const keys = view === undefined ? [] : await factsOfView(view).sample(name, count);
      if (keys.length < count) keys.push(...(await loggedKeys(database, name, count - keys.length)));
      samples.set(name, { count, keys });
      return keys;
    },
    async entries(name, entry, from) {
      const view = (await withWals()) ?? (await onlyTables());
      if (view !== undefined) await walk(view, name, entry, from);
    },
    async open(directory) {
      try {
        const other = await readDatabase(path.join(target, directory));
        return (await openView(other)).view;
      } catch (error) {
        if (error instanceof TargetError) return undefined;
        throw error;
      }
    },
    kindOf: (relative) => pathKind(path.join(target, relative)).catch(() => undefined),
    close() {
      tables?.close();
      recovered?.then((view) => view?.close()).catch(() => {});
    },
  };
}

/** Keys that whole records of WALs write to a column family, the newest WAL first, whether recovery takes them or not. */
async function loggedKeys(database: Database, name: string, count: number): Promise<Uint8Array[]> {
  const families = [...(database.version?.columnFamilies.values() ?? [])];
  const family = families.find((each) => each.name === name);
  const keys: Uint8Array[] = [];
  let bytes = 0;
  const { wals } = databaseView(database);
  for (const wal of [...wals].sort((a, b) => (a.number > b.number ? -1 : 1))) {
    const source = await wal.open().catch(() => undefined);
    if (source === undefined) continue;
    try {
      const tail = await readLog(new LogParser(source, { number: wal.number, dialect: database.dialect }), {
        record(record) {
          if (record.decompressionError !== undefined) return undefined;
          bytes += record.end - record.start;
          const batch = record.bytes.subarray(record.start, record.end);
          const { ops } = decodeBatch(batch);
          for (const { kind, columnFamily, key } of ops) {
            if (kind === 'put' && columnFamily === family?.id && keys.length < count) keys.push(key.slice());
          }
          return keys.length >= count || bytes > LOOKED_THROUGH ? 'stop' : undefined;
        },
      });
      if (tail === undefined) return keys;
    } catch (error) {
      // a medium that fails tells nothing; other WALs may
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    } finally {
      await source.close();
    }
  }
  return keys;
}
