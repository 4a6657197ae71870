/** Why Pebble refuses a directory before it reads a WAL (pebble open.go, options.go, internal/manifest/version.go). */
import type { Database } from '../engine/database.js';
import { formatVersionsOf, type PebbleState, refusesFirstFormat } from '../engine/pebble.js';
import { atLeast } from '../engine/version.js';
import { fileName } from '../format/filename.js';
import { fileBehind, type LiveTable, type Version } from '../format/manifest/version.js';
import { comparatorNamed, compareInternalKeys } from '../format/sst/comparator.js';
import { NOT_PRISTINE, pebbleError } from './pebble-open.js';
import type { EngineError, ErrorKind } from './status.js';

interface Refused {
  error: EngineError;
  file?: string;
}

/** The merger that Pebble has unless the program brings another, and the one of CockroachDB. */
const MERGERS: readonly string[] = ['pebble.concatenate', 'cockroach_merge_operator'];

export function refusedByPebble(database: Database, pebble: PebbleState): Refused | undefined {
  return (
    byNames(database, pebble) ??
    (pebble.isNew ? undefined : byManifest(database, pebble)) ??
    byOptions(database) ??
    byIngested(database)
  );
}

function refused(kind: ErrorKind, message: string, file?: string): Refused {
  return { error: pebbleError(kind, message), ...(file !== undefined && { file }) };
}

const FIRST_FORMAT = 'pebble: database was written in format major version 1, which is no longer supported';

function byNames({ engineVersion, current }: Database, pebble: PebbleState): Refused | undefined {
  const { malformed, formatMarker, formatVersion } = pebble;
  const [odd] = malformed;
  if (odd !== undefined)
    return refused('manifest', `invalid marker filename: ${JSON.stringify(odd.name)}`, odd.file);
  if (formatVersion === undefined) {
    const value = JSON.stringify(formatMarker?.marker?.value ?? '');
    const message = `parsing format major version: strconv.ParseUint: parsing ${value}: invalid syntax`;
    return refused('manifest', message, formatMarker?.file);
  }
  if (pebble.mustBePristine && refusesFirstFormat(engineVersion) && current !== undefined)
    return refused('unsupported', FIRST_FORMAT, current.entry.file);
  const { oldest, newest } = formatVersionsOf(engineVersion);
  if (formatVersion > newest || formatVersion === 0)
    return refused(
      'unsupported',
      `pebble: database written in format major version ${formatVersion}`,
      formatMarker?.file,
    );
  return formatVersion < oldest && formatMarker !== undefined
    ? refused(
        'unsupported',
        `format major version ${formatVersion} which is no longer supported`,
        formatMarker.file,
      )
    : undefined;
}

/** What Pebble before 2.0 panics over (pebble 1.1 version_set.go `removeFileBacking`). */
const UNKNOWN_BACKING = 'panic: pebble: trying to remove an unknown file backing';

function byManifest(
  database: Database,
  { formatMarker, manifestMarker, manifest: number, mustBePristine }: PebbleState,
): Refused | undefined {
  const { manifest, version, current } = database;
  if (number === undefined) {
    const byCurrent = formatMarker === undefined && !mustBePristine;
    const named = byCurrent ? current?.entry.file : manifestMarker?.file;
    const message = byCurrent
      ? `CURRENT file for DB is ${current?.entry.size === 0 ? 'empty' : 'malformed'}`
      : `pebble: MANIFEST name ${JSON.stringify(manifestMarker?.marker?.value ?? '')} is malformed`;
    return refused('manifest', message, named);
  }
  const name = fileName('manifest', number);
  if (manifest?.named !== true || version === undefined)
    return refused(
      'missing-file',
      `pebble: could not open manifest file "${name}": no such file or directory`,
      name,
    );
  const { error } = manifest.replay;
  if (error !== undefined) return refused('manifest', error, name);
  if (version.unknownBackingRemoved !== undefined && !atLeast(database.engineVersion, 2))
    return refused('crash', UNKNOWN_BACKING, name);
  const hasTables = [...version.columnFamilies.values()].some(({ tables }) => tables.size > 0);
  if (mustBePristine && hasTables) return refused('unsupported', NOT_PRISTINE, name);
  return byTables(database, version) ?? byOrder(version, name);
}

function byTables({ inventory, pebble }: Database, version: Version): Refused | undefined {
  const files = new Map(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place === 'database')
      .map(({ name, size }) => [name, size]),
  );
  for (const { tables } of version.columnFamilies.values()) {
    for (const table of tables.values()) {
      if (table.backing !== undefined && !version.backings.has(table.backing))
        return refused('manifest', 'TableBacking for virtual sstable must not be nil');
      const { number, size } = fileBehind(version, table);
      if (pebble?.remote.has(number)) continue;
      const name = fileName('table', number);
      const found = files.get(name);
      if (found === undefined) {
        const message = `L${table.level}: ${name.slice(0, -4)}: file ${name.slice(0, -4)} (type 2) unknown to the objstorage provider: file does not exist`;
        return refused('missing-file', message, name);
      }
      if (BigInt(found) !== size) {
        const message = `L${table.level}: ${name.slice(0, -4)}: object size mismatch: ${found} (disk) != ${size} (MANIFEST)`;
        return refused('size-mismatch', message, name);
      }
    }
  }
  return undefined;
}

/** A table that a WAL brings in and that the MANIFEST names on level 0 already. */
function byIngested({ pebble }: Database): Refused | undefined {
  if (pebble?.ingestedTwice === undefined) return undefined;
  const { number, wal } = pebble.ingestedTwice;
  const name = fileName('table', number).slice(0, -'.sst'.length);
  return refused(
    'crash',
    `MANIFEST apply failed: pebble: files ${name} and ${name} collided on sort keys`,
    wal,
  );
}

/** Why a table that a WAL brings in is refused: it is opened when that is replayed. */
export function refusedIngest({ inventory, pebble }: Database, number: bigint): Refused | undefined {
  const name = fileName('table', number);
  const found = pebble?.refusedIngests.get(number);
  if (found !== undefined) {
    const message = `pebble: error when loading flushable ingest files: ${found.reason}`;
    return refused(found.isUnread ? 'unsupported' : 'table', message, found.file);
  }
  const isHere = inventory.entries.some(
    (entry) => entry.kind === 'table' && entry.place === 'database' && entry.name === name,
  );
  return isHere || pebble?.remote.has(number)
    ? undefined
    : refused('missing-file', `pebble: error when looking up ingested SSTs: file ${name}`, name);
}

/** Tables of a level from 1 on lie one after the other. */
function byOrder(version: Version, file: string): Refused | undefined {
  for (const { tables, comparator: name } of version.columnFamilies.values()) {
    const comparator = comparatorNamed(name);
    if (comparator.order === 'unknown') return undefined;
    const order = (a: Uint8Array, b: Uint8Array) => compareInternalKeys(comparator, a, b) ?? -1;
    const levels = new Map<number, LiveTable[]>();
    for (const table of tables.values()) levels.set(table.level, [...(levels.get(table.level) ?? []), table]);
    for (const [level, all] of levels) {
      const inverted = all.find(({ smallest, largest }) => order(smallest, largest) > 0);
      if (inverted !== undefined && level > 0)
        return refused(
          'inconsistency',
          `pebble: internal error: L${level}.${inverted.number} has inconsistent bounds`,
          file,
        );
      if (level === 0) continue;
      const sorted = all.sort((a, b) => order(a.smallest, b.smallest));
      const at = sorted.findIndex((table, i) => i > 0 && order(sorted[i - 1].largest, table.smallest) >= 0);
      if (at > 0) {
        const message = `pebble: internal error: L${level} files ${sorted[at - 1].number} and ${sorted[at].number} have overlapping ranges`;
        return refused('inconsistency', message, file);
      }
    }
  }
  return undefined;
}

function byOptions({ optionsFile, options, version, pebble }: Database): Refused | undefined {
  if (optionsFile === undefined) return undefined;
  const { file } = optionsFile.entry;
  const line = optionsFile.parsed.anomalies.find(({ evidence }) => typeof evidence?.engine === 'string');
  if (line !== undefined) return refused('manifest', String(line.evidence?.engine), file);
  const { comparer, merger } = options.pebble ?? {};
  const own = pebble?.isNew ? undefined : version?.columnFamilies.get(0)?.comparator;
  if (comparer !== undefined && own && comparer !== own) {
    const message = `pebble: comparer name from file "${comparer}" != comparer name from options "${own}"`;
    return refused('manifest', message, file);
  }
  if (merger !== undefined && !MERGERS.includes(merger)) {
    const message = `pebble: merger name from file "${merger}" != merger name from options "${MERGERS[0]}"`;
    return refused('manifest', message, file);
  }
  return undefined;
}
