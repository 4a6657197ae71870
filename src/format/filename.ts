/**
 * File names of a database directory. One directory serves several purposes at once, and nothing but the name tells which
 * file serves which (rocksdb file/filename.cc `ParseFileName`; leveldb db/filename.cc; pebble internal/base/filenames.go).
 *
 *   CURRENT                    which MANIFEST is the valid one
 *   MANIFEST-N                 the log of version edits
 *   N.log   N-III.log          write-ahead log (pebble: segment III of log N after a failover)
 *   N.sst   N.ldb   N.blob     tables and blob files
 *   OPTIONS-N                  options as of the last open; anything may follow the digits and RocksDB still takes it
 *   IDENTITY  LOCK  LOG  …     see `kinds` below
 *
 * Numbers are decimal, usually six digits, any count is accepted, and they are not unique across kinds: OPTIONS-000007
 * beside MANIFEST-000007 is normal.
 */

export type FileNameKind =
  | 'current'
  | 'manifest'
  | 'wal'
  | 'table'
  | 'blob'
  | 'options'
  | 'identity'
  | 'lock'
  /** LOG, LOG.old.<µs>, <flattened path>_LOG with db_log_dir. */
  | 'info-log'
  /** An unfinished CURRENT, IDENTITY, OPTIONS, checkpoint or restore. `number` where the name has one. */
  | 'temporary'
  /** Waits for rate-limited deletion. */
  | 'trash'
  | 'compaction-progress'
  | 'metadb'
  /** Pebble: an empty file whose name is its value, `marker.<what>.<iteration>.<value>`. */
  | 'pebble-marker'
  | 'pebble-remote-catalog'
  | 'pebble-blob-metadata'
  /** No engine would take it for its own, and none deletes it. */
  | 'other';

export interface FileName {
  kind: FileNameKind;
  /** At most 64 bits; a longer number makes a name `other`, as in the engine. */
  number?: bigint;
  /** What stands after the digits of an OPTIONS name; the segment of a pebble WAL; the parts of a marker. */
  suffix?: string;
  marker?: { name: string; iteration: bigint; value: string };
}

const MAX_NUMBER = (1n << 64n) - 1n;

/** A decimal number of at most 64 bits, or `undefined`. */
function decimal(digits: string | undefined): bigint | undefined {
  if (digits === undefined || digits.length > 40) return undefined;
  const value = BigInt(digits);
  return value <= MAX_NUMBER ? value : undefined;
}

const fixedNames: Record<string, FileNameKind> = {
  CURRENT: 'current',
  IDENTITY: 'identity',
  LOCK: 'lock',
  LOG: 'info-log',
  'LOG.old': 'info-log',
  'CURRENT.tmp': 'temporary',
};

const numberedSuffixes: Record<string, FileNameKind> = {
  log: 'wal',
  sst: 'table',
  ldb: 'table',
  blob: 'blob',
  dbtmp: 'temporary',
};

interface Pattern {
  match: RegExp;
  kind: FileNameKind;
}

/** Names that carry a number, in the order in which they are tried. Group 1 is the number, group 2 the suffix. */
const patterns: readonly Pattern[] = [
  { match: /^MANIFEST-(\d+)$/, kind: 'manifest' },
  { match: /^OPTIONS-(\d+)\.dbtmp$/, kind: 'temporary' },
  { match: /^OPTIONS-(\d+)(.*)$/s, kind: 'options' },
  { match: /^METADB-(\d+)$/, kind: 'metadb' },
  { match: /^MANIFEST-(\d+)\.tmp$/, kind: 'temporary' },
  { match: /^COMPACTION_PROGRESS-(\d+)\.dbtmp$/, kind: 'temporary' },
  { match: /^COMPACTION_PROGRESS-(\d+)$/, kind: 'compaction-progress' },
  { match: /^(?:temporary|CURRENT)\.(\d+)\.dbtmp$/, kind: 'temporary' },
  { match: /^(\d+)-(\d+)\.log$/, kind: 'wal' },
  { match: /^(\d+)\.blobmeta\.(\d+)$/, kind: 'pebble-blob-metadata' },
  { match: /^REMOTE-OBJ-CATALOG-(\d+)$/, kind: 'pebble-remote-catalog' },
];

const numbered = /^(\d+)\.([a-z]+)$/;
const pebbleMarker = /^marker\.([^.]+)\.(\d+)\.(.*)$/s;
/** The digits are a time, not a number that the engine gave out. */
const infoLog = /^(?:.*_)?LOG(?:\.old\.\d+)?$/s;
const trash = /\.trash\d*$/;

/** What a file is, by its name alone (no directory part; one leading slash is tolerated, as RocksDB does). */
export function parseFileName(name: string): FileName {
  const bare = name.startsWith('/') ? name.slice(1) : name;

  const fixed = Object.hasOwn(fixedNames, bare) ? fixedNames[bare] : undefined;
  if (fixed) return { kind: fixed };

  const plain = numbered.exec(bare);
  if (plain && Object.hasOwn(numberedSuffixes, plain[2])) {
    const number = decimal(plain[1]);
    return number === undefined ? { kind: 'other' } : { kind: numberedSuffixes[plain[2]], number };
  }
  if (trash.test(bare)) return { kind: 'trash' };

  for (const { match, kind } of patterns) {
    const found = match.exec(bare);
    if (!found) continue;
    const number = decimal(found[1]);
    if (number === undefined) return { kind: 'other' };
    return found[2] ? { kind, number, suffix: found[2] } : { kind, number };
  }

  const marker = pebbleMarker.exec(bare);
  const iteration = decimal(marker?.[2]);
  if (marker && iteration !== undefined) {
    return { kind: 'pebble-marker', marker: { name: marker[1], iteration, value: marker[3] } };
  }
  return { kind: infoLog.test(bare) ? 'info-log' : 'other' };
}

/** The number of the log that a name still tells, as `000005.log.old` does. */
export function walNumberIn(name: string): bigint | undefined {
  return decimal(/(?:^|\D)(\d+)\.log(?:$|\W|_)/.exec(name)?.[1]);
}

/** Which file of its log a name is: 0, or the segment that a WAL failover of Pebble began. */
export function segmentIn(name: string): number {
  return Number(/-(\d+)\.log$/.exec(name)?.[1] ?? 0);
}

/** Which file of a log with that number a name still tells, as `000005-001.log.old` does; `undefined`: none. */
export function segmentNamed(name: string, number: bigint): number | undefined {
  const [, digits, segment] = /(?:^|\D)(\d+)(?:-(\d+))?\.log(?:$|\W|_)/.exec(name) ?? [];
  return decimal(digits) === number ? Number(segment ?? 0) : undefined;
}

/** Sorts logs, and the files of one log, in the order in which they were begun. */
export function byLog(a: LogFile, b: LogFile): number {
  const [one, other] = [a.number ?? 0n, b.number ?? 0n];
  return one === other ? segmentIn(a.file) - segmentIn(b.file) : one < other ? -1 : 1;
}

interface LogFile {
  number?: bigint;
  file: string;
}

/** Those of the files of logs, in the order of `byLog`, that end their log: no later segment of it is among them. */
export function lastSegments<T extends LogFile>(sorted: readonly T[]): T[] {
  return sorted.filter(({ number }, i) => sorted[i + 1]?.number !== number);
}

const prefixed: Partial<Record<FileNameKind, string>> = { manifest: 'MANIFEST-', options: 'OPTIONS-' };
const suffixed: Partial<Record<FileNameKind, string>> = {
  wal: '.log',
  blob: '.blob',
  temporary: '.dbtmp',
};

/**
 * The name of a numbered file: `fileName('table', 12n)` is `000012.sst`, as RocksDB has it. `table`: how the engine's own tables
 * end.
 */
export function fileName(
  kind: 'manifest' | 'options' | 'wal' | 'table' | 'blob' | 'temporary',
  number: bigint,
  table = '.sst',
): string {
  const suffix = kind === 'table' ? table : (suffixed[kind] ?? '');
  return `${prefixed[kind] ?? ''}${number.toString().padStart(6, '0')}${suffix}`;
}

/** Whether a table has the very name that the engine opens: it takes any count of digits for a number, and looks for one. */
export function isCanonical({ name, number }: { name: string; number?: bigint }): boolean {
  return number !== undefined && /^(?:\d{6}|[1-9]\d{6,})\.\w+$/.test(name);
}

/** The name of a file of a log of Pebble's. `segment`: see `segmentIn`. */
export function logName(number: bigint, segment = 0): string {
  const name = fileName('wal', number);
  return segment === 0 ? name : name.replace('.log', `-${String(segment).padStart(3, '0')}.log`);
}
