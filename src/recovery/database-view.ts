import { type Database, filesOf } from '../engine/database.js';
import type { PebbleState } from '../engine/pebble.js';
import { logName, segmentIn } from '../format/filename.js';
import { emptyVersion } from '../format/manifest/apply.js';
import type { InventoryEntry } from '../io/inventory.js';
import { type OpenSource, openListed } from '../io/source.js';
import type { DatabaseView } from './open.js';
import { refusedByPebble, refusedIngest } from './pebble-names.js';
import type { WalFile } from './replay.js';
import { corruption, type EngineError } from './status.js';
import type { TableFile } from './table-open.js';

/**
 * A database on disk as DB::Open would meet it. `open`: how its files are opened; with `files.open` as it would meet a copy in which
 * something else stands in place of what the medium does not give back.
 */
export function databaseView(
  database: Database,
  open: OpenSource = filesOf(database).openUnretried,
): DatabaseView {
  const tables = new Map<bigint, InventoryEntry[]>();
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'table' || entry.number === undefined) continue;
    if (entry.place !== 'database' && entry.place !== 'db-path') continue;
    tables.set(entry.number, [...(tables.get(entry.number) ?? []), entry]);
  }
  return {
    dialect: database.dialect,
    ...(database.pebble ? pebbleView(database, database.pebble) : { manifest: manifestOf(database) }),
    options: database.options,
    numbers: numbersOf(database.inventory.entries),
    wals:
      database.dialect === 'pebble'
        ? segmentsOf(database.inventory.entries, open)
        : walsOf(database.inventory.entries, open),
    table: ({ number, pathId }) => {
      const named = tables.get(number) ?? [];
      const inPath = named.filter((entry) => (entry.pathId ?? 0) === pathId);
      const candidates = inPath.length > 0 ? inPath : named;
      // `.sst` is tried first, `.ldb` when it is not there.
      const entry = candidates.find(({ name }) => name.endsWith('.sst')) ?? candidates[0];
      return entry && tableFile(entry, open);
    },
  };
}

/** As Pebble meets it: its own complaints, and an empty version where it makes a new database. */
function pebbleView(
  database: Database,
  pebble: PebbleState,
): Partial<DatabaseView> & Pick<DatabaseView, 'manifest'> {
  const { version = emptyVersion(), manifest } = database;
  const refused = refusedByPebble(database, pebble);
  return {
    manifest: { file: manifest?.entry.file ?? 'MANIFEST-000001', version },
    ...(refused && { refused }),
    refusedIngest: (number) => refusedIngest(database, number),
    beginsAnew: pebble.isNew,
    mustBePristine: pebble.mustBePristine === true,
    ...(pebble.formatVersion !== undefined && { formatVersion: pebble.formatVersion }),
  };
}

/** Names in the directory itself, whatever they are of. */
function numbersOf(entries: readonly InventoryEntry[]): Set<bigint> {
  return new Set(
    entries.flatMap(({ place, number }) => (place === 'database' && number !== undefined ? [number] : [])),
  );
}

function tableFile({ file, size, source }: InventoryEntry, open: OpenSource): TableFile {
  return { file, size, open: () => open(source) };
}

/** WALs by number. The engine lists names and opens `%06llu.log`: a WAL under another spelling is one it cannot open. */
function walsOf(entries: readonly InventoryEntry[], openFile: OpenSource): WalFile[] {
  const byNumber = new Map<bigint, WalFile>();
  const elsewhere = entries.some(({ kind, place }) => kind === 'wal' && place === 'wal-dir');
  for (const { kind, place, number, name, file, size, source, suffix } of entries) {
    if (kind !== 'wal' || number === undefined || suffix !== undefined) continue;
    if (place !== (elsewhere ? 'wal-dir' : 'database')) continue;
    const canonical = name === `${String(number).padStart(6, '0')}.log`;
    if (!canonical && byNumber.has(number)) continue;
    const open = () =>
      canonical
        ? openListed({ source, size }, openFile)
        : Promise.reject(Object.assign(new Error(`no such file or directory: ${name}`), { code: 'ENOENT' }));
    byNumber.set(number, { number, file, size, open });
  }
  return [...byNumber.values()];
}

/** Files of Pebble's logs: of one log there may be several, and logs may go on in another directory. */
function segmentsOf(entries: readonly InventoryEntry[], openFile: OpenSource): WalFile[] {
  return entries.flatMap(({ kind, place, number, name, file, root, size, source }) => {
    if (kind !== 'wal' || number === undefined || (place !== 'database' && place !== 'wal-dir')) return [];
    const wanted = logName(number, segmentIn(name));
    const open = () =>
      name === wanted
        ? openListed({ source, size }, openFile)
        : Promise.reject(
            Object.assign(new Error(`no such file or directory: ${wanted}`), { code: 'ENOENT' }),
          );
    return [{ number, file, ...(root !== undefined && { root }), size, open }];
  });
}

function manifestOf({ current, manifest, unread, unreadable }: Database): DatabaseView['manifest'] {
  const blocked = [...unread, ...unreadable].find(
    ({ entry }) => entry.kind === 'current' || entry.kind === 'manifest',
  );
  if (blocked !== undefined && (current === undefined || manifest === undefined)) {
    const why = 'reason' in blocked ? blocked.reason : 'Input/output error';
    return {
      error: { code: 'io-error', kind: 'io', message: `While reading ${blocked.entry.file}: ${why}` },
    };
  }
  if (current === undefined) {
    return {
      error: {
        code: 'invalid-argument',
        kind: 'missing-file',
        message: 'CURRENT: does not exist (create_if_missing is false)',
      },
    };
  }
  const complaint = current.decoded.anomalies.find(({ evidence }) => typeof evidence?.engine === 'string');
  if (complaint !== undefined) {
    const text = String(complaint.evidence?.engine).replace(/^Corruption: /, '');
    return { error: corruption('manifest', text) };
  }
  if (manifest === undefined || !manifest.named)
    return { error: missing(current.decoded.manifest ?? 'MANIFEST') };
  const { replay, entry } = manifest;
  return { file: entry.file, version: replay.version, error: replay.error, boundTypes: replay.boundTypes };
}

function missing(file: string): EngineError {
  const message = `No such file or directory: While opening a file for sequentially reading: ${file}: No such file or directory`;
  return { code: 'io-error', kind: 'missing-file', message };
}
