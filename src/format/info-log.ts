/**
 * Paths in the head of a LOG file (rocksdb db/db_info_dumper.cc `DumpDBFileSummary`, options/db_options.cc, db/version_set.cc):
 *
 *   … SST files in /mnt/a/db dir, Total Num: 3, files: 000008.sst 000009.sst …
 *   … Write Ahead Log file in /mnt/wal: 000004.log size: 77 ;
 *   …                                 Options.wal_dir: /mnt/wal
 *   … Recovered from manifest file:/mnt/a/db/MANIFEST-000005 succeeded,…
 *
 * OPTIONS does not record db_paths and cf_paths; LOG has db_paths, and this is the only trace that a database leaves of them.
 */
export interface InfoLogPaths {
  /** db_paths in their order. */
  tables: string[];
  wal?: string;
  /** The database's own directory when the LOG was written. */
  directory?: string;
}

/** How much of a LOG file is worth reading: the summary stands after the version banner. */
export const INFO_LOG_HEAD = 64 << 10;

const tableLine = /SST files in (.+) dir, Total Num: \d+/;
const walLine = /Write Ahead Log file in (.+?): /;
const walOption = /Options\.wal_dir: *(\S.*)/;
const manifestLine = /Recovered from manifest file: ?(.+?)[/\\]MANIFEST-\d+ succeeded/;

export function pathsInInfoLog(text: string): InfoLogPaths {
  const tables = new Set<string>();
  let wal: string | undefined;
  let directory: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const table = tableLine.exec(line);
    if (table) tables.add(table[1]);
    wal ??= (walLine.exec(line) ?? walOption.exec(line))?.[1];
    directory ??= manifestLine.exec(line)?.[1];
  }
  return {
    tables: [...tables],
    ...(wal === undefined ? {} : { wal }),
    ...(directory === undefined ? {} : { directory }),
  };
}

/** The release that began this LOG: `RocksDB version: 6.11.6` stands in its first line. */
export function versionInInfoLog(text: string): string | undefined {
  return /RocksDB version: (\d[\d.]*\d)/.exec(text)?.[1];
}

/**
 * The id of the session that wrote this LOG and began the MANIFEST of a number in it (from 6.14 on, db/db_info_dumper.cc and
 * db/version_set.cc): another LOG may be a leftover of an older session.
 */
export function sessionInInfoLog(text: string, manifest: bigint): string | undefined {
  if (!new RegExp(`\\bCreating manifest ${manifest}\\b`).test(text)) return undefined;
  return /DB Session ID: *([0-9A-Z]{20})\b/.exec(text)?.[1];
}

/** The first line of a LOG of LevelDB, which begins with the time of the open that began it, to the microsecond, and its thread. */
export function beginningOfInfoLog(text: string): string | undefined {
  return /^\d{4}\/\d\d\/\d\d-\d\d:\d\d:\d\d\.\d{3,6} .*(?=\r?\n)/.exec(text)?.[0];
}

/** Column families as a LOG leaves them. */
export interface LoggedFamilies {
  ids: Map<string, number>;
  /** Names by id. */
  dropped: Map<number, string>;
  /** Names of comparators, by that of the column family. */
  comparators: Map<string, string>;
}

/**
 * The ids of column families: LOG has those that an open finds, then each that is made or dropped (db/version_set.cc, db/db_impl/db_impl.cc;
 * the words are the same from 3.0 to 11.9), with all their options (db/column_family.cc). `undefined` where it has none, as after an open that failed.
 */
export function familiesInInfoLog(text: string): LoggedFamilies | undefined {
  const ids = new Map<string, number>();
  const names = new Map<number, string>();
  const dropped = new Map<number, string>();
  const comparators = new Map<string, string>();
  let described = '';
  const lines =
    /(?:Created c|C)olumn family \[(.*)\] \(ID (\d+)\)|Dropped column family with id (\d+)|Options for column family \[(.*)\]:|Options\.comparator: *(\S+)/g;
  for (const [, name, id, gone, family, comparator] of text.matchAll(lines)) {
    if (family !== undefined) described = family;
    else if (comparator !== undefined) comparators.set(described, comparator);
    else if (gone === undefined) {
      ids.set(name, Number(id));
      names.set(Number(id), name);
    } else {
      const known = names.get(Number(gone));
      if (known === undefined) continue;
      dropped.set(Number(gone), known);
      if (ids.get(known) === Number(gone)) ids.delete(known);
    }
  }
  return names.size === 0 ? undefined : { ids, dropped, comparators };
}
