import type { TableFacts, UnitFacts, WalFacts } from '../check/unit.js';
import { type Database, liveWals } from '../engine/database.js';
import type { RuleId } from '../finding/catalog.js';
import type { Cause, Finding } from '../finding/finding.js';
import { compareBytes } from '../format/sst/comparator.js';
import type { InventoryEntry } from '../io/inventory.js';
import { engineDefect } from './engine-defects.js';
import { counted } from './words.js';

/** What causes of findings about whole files rest on. */
export interface FileContext {
  database: Database;
  /** By the inventory's `file`. */
  facts: ReadonlyMap<string, UnitFacts>;
  /** Nobody was writing: a backup or a checkpoint. */
  atRest: boolean;
}

type Teller = (finding: Finding, context: FileContext) => Cause | undefined;

const SECTOR = 512;
const PAGE = 4096;

/** Where a file was cut says who cut it. */
function boundary(size: number): string {
  if (size === 0) return 'at nothing';
  if (size % PAGE === 0)
    return `at ${size}, a multiple of ${PAGE}: a file system that lost pages, or a copy that stopped`;
  if (size % SECTOR === 0) return `at ${size}, a multiple of ${SECTOR}`;
  return `at ${size}, inside a page: more likely a write or a copy that did not get further than lost pages`;
}

const cause = (kind: string, certainty: Cause['certainty'], detail: string, basis?: string): Cause => ({
  kind,
  certainty,
  detail,
  ...(basis === undefined ? {} : { basis }),
});

const missing: Teller = ({ evidence }) => {
  const size = evidence.size ?? evidence.synced;
  const what = size === undefined ? '' : ` (${size} bytes)`;
  return cause(
    'missing',
    'proven',
    `the file${what} is gone: removed, left out of a copy or restore, or lost with a directory entry that was never synced`,
  );
};

const empty: Teller = () =>
  cause(
    'truncated',
    'likely',
    'the file is there and holds nothing: its name survived a power cut and its data did not, or something emptied it',
  );

const cutTable: Teller = ({ file }, { database, facts }) => {
  const found = facts.get(file);
  const live = found?.kind === 'table' ? liveTable(database, found) : undefined;
  if (found?.kind !== 'table') return undefined;
  if (live !== undefined && live.size > BigInt(found.size)) {
    const lost = live.size - BigInt(found.size);
    return cause(
      'truncated',
      'proven',
      `${lost} of ${live.size} bytes are missing; the file was cut ${boundary(found.size)}`,
      'the MANIFEST records the size of the table',
    );
  }
  return cause(
    'truncated',
    'likely',
    `the file was cut ${boundary(found.size)}, or never written to its end`,
  );
};

function liveTable({ version }: Database, { number }: TableFacts) {
  if (number === undefined) return undefined;
  for (const family of version?.columnFamilies.values() ?? []) {
    const table = family.tables.get(number);
    if (table !== undefined) return table;
  }
  return undefined;
}

const cutBlob: Teller = ({ file }, { facts }) => {
  const size = facts.get(file)?.size ?? 0;
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`);
};

/** A log that ends inside a record: the newest was being written, an older one was whole when the next was begun. */
const tornWal: Teller = ({ file }, { database, facts, atRest }) => {
  const size = facts.get(file)?.size ?? 0;
  const isNewest = liveWals(database).at(-1)?.file === file;
  if (isNewest && !atRest) {
    const detail = `a write was under way when process or machine stopped, or the file was cut: it ends ${boundary(size)}`;
    return cause('torn-write', 'likely', detail, 'it is the newest log, and nothing follows');
  }
  const why = atRest ? 'nobody was writing to this copy' : 'newer logs were begun after it was whole';
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`, why);
};

const shortWal: Teller = ({ evidence, offset = 0 }) =>
  cause(
    'truncated',
    'proven',
    `${BigInt(String(evidence.synced)) - BigInt(offset)} synced bytes are missing; the file was cut ${boundary(offset)}`,
    'the MANIFEST records how long the log was when it was closed and synced',
  );

const tornManifest: Teller = ({ evidence, offset = 0, length = 0 }, { atRest }) => {
  const lost = Array.isArray(evidence.lost) && evidence.lost.length > 0;
  const size = offset + length;
  if (!lost && !atRest) {
    const detail = `a write was under way when process or machine stopped, or the file was cut: it ends ${boundary(size)}`;
    return cause('torn-write', 'likely', detail, 'nothing that the directory shows rests on the lost record');
  }
  const basis = lost ? 'what the lost record said had taken effect' : 'nobody was writing to this copy';
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`, basis);
};

const betweenWals: Teller = ({ file }, context) => {
  const { facts, database } = context;
  const before = facts.get(file);
  if (before?.kind !== 'wal') return undefined;
  const swapped = outOfOrder(facts);
  if (swapped !== undefined) return swapped;
  const isLost = ({ number }: { number: bigint }) => number > before.number && !hasWal(database, number);
  const removed = (database.manifest?.replay.begunWals ?? []).filter((number) => isLost({ number }));
  if (removed.length > 0) {
    return cause('missing', 'likely', `log ${removed[0]}, which the MANIFEST says was begun, is not there`);
  }
  return cause(
    'truncated',
    'possible',
    `the log was cut at the end of a record (${boundary(before.size)}), or writes were made without a log`,
  );
};

function hasWal({ inventory }: Database, number: bigint): boolean {
  return inventory.entries.some((entry: InventoryEntry) => entry.kind === 'wal' && entry.number === number);
}

/** Logs whose sequence numbers do not ascend with their own numbers, and would in another order. */
function outOfOrder(facts: ReadonlyMap<string, UnitFacts>): Cause | undefined {
  const wals = [...facts.values()]
    .filter((f): f is WalFacts => f.kind === 'wal' && f.firstSequence !== undefined)
    .sort((a, b) => (a.number < b.number ? -1 : 1));
  const bySequence = [...wals].sort((a, b) => (a.firstSequence! < b.firstSequence! ? -1 : 1));
  const moved = wals.filter((wal, i) => bySequence[i] !== wal);
  if (moved.length === 0) return undefined;
  const fits = bySequence.every((wal, i) => i === 0 || wal.firstSequence! >= bySequence[i - 1].lastSequence!);
  const names = moved.map(({ file }) => file).join(', ');
  return cause(
    'misplaced',
    fits ? 'likely' : 'possible',
    fits
      ? `${names} hold each other's records: their sequence numbers ascend when they change places`
      : `${names} do not follow each other: a log of another time or database stands under one of these names`,
  );
}

const overlap: Teller = (_, { facts }) =>
  outOfOrder(facts) ??
  cause('misplaced', 'possible', 'a log of another time or database stands under one of the two names');

const foreignNumber: Teller = ({ evidence, message }) =>
  cause(
    'misplaced',
    'proven',
    `this is the content of another log (${evidence.logNumber === undefined ? message : `log ${evidence.logNumber}`})`,
    'recyclable records carry the number of their log',
  );

const otherTable: Teller = ({ file }, { database, facts }) => {
  const found = facts.get(file);
  if (found?.kind !== 'table') return undefined;
  const mine = database.version?.databaseId;
  for (const family of database.version?.columnFamilies.values() ?? []) {
    for (const table of family.tables.values()) {
      if (table.uniqueId === undefined || found.uniqueId === undefined) continue;
      if (compareBytes(table.uniqueId, found.uniqueId) !== 0) continue;
      return cause(
        'misplaced',
        'proven',
        `this is table ${table.number} of column family ${family.name}, under the name of table ${found.number}`,
        'the unique id in its properties is that of the other table in the MANIFEST',
      );
    }
  }
  if (mine !== undefined && found.databaseId !== undefined && mine !== found.databaseId) {
    return cause(
      'misplaced',
      'proven',
      `this is a table of another database (${found.databaseId})`,
      'its properties name the database that wrote it',
    );
  }
  const older = found.originalFileNumber !== undefined && found.originalFileNumber === found.number;
  return cause(
    'misplaced',
    'likely',
    older
      ? 'a table that once had this number in another incarnation of the database stands here: a stale copy or a mixed restore'
      : `a table that was written as number ${found.originalFileNumber ?? 'unknown'} stands here: a mixed restore, or a copy under a wrong name`,
  );
};

/** A checksum holds around content that contradicts itself or the rest. */
const wrongBeforeWritten =
  (what: string): Teller =>
  () =>
    cause(
      'software',
      'likely',
      `${what} was wrong before it was written: a program, or its memory, did it`,
      'the checksum around it holds, so the disk gave back what it was given',
    );

const recycled: Teller = ({ evidence }) =>
  cause(
    'recycled',
    evidence.oldRecordOffset === undefined ? 'likely' : 'proven',
    'the file was used for an older log before; what that left has not been written over yet',
  );

const tellers: Partial<Record<RuleId, Teller>> = {
  'directory/missing-table': missing,
  'directory/missing-blob': missing,
  'directory/missing-manifest': missing,
  'directory/missing-wal': missing,
  'directory/removed-wal': missing,
  'directory/current-missing': missing,
  'directory/short-wal': shortWal,
  'directory/wrong-table-size': ({ length, offset = 0 }) =>
    length === 0
      ? cause('truncated', 'likely', `the file was cut ${boundary(offset)}`)
      : cause('garbage', 'likely', `${counted(length ?? 0, 'byte')} were appended to the table`),
  'directory/wrong-blob-size': ({ length, offset = 0 }) =>
    length === 0
      ? cause('truncated', 'likely', `the file was cut ${boundary(offset)}`)
      : cause('garbage', 'likely', `${counted(length ?? 0, 'byte')} were appended to the file`),
  'directory/options-truncated': ({ offset = 0, length = 0 }) =>
    cause('truncated', 'likely', `the file was cut ${boundary(offset + length)}`),
  'sst/empty': empty,
  'wal/emptied': empty,
  'sst/truncated': cutTable,
  'blob/truncated': cutBlob,
  'wal/torn-tail': tornWal,
  'manifest/torn-tail': tornManifest,
  'manifest/open-atomic-group': tornManifest,
  'sequence/gap-between-wals': betweenWals,
  'sequence/overlap-between-wals': overlap,
  'wal/wrong-log-number': foreignNumber,
  'sst/wrong-file': otherTable,
  'manifest/wrong-table-size': wrongBeforeWritten('the edit that adds the table'),
  'manifest/table-bounds': wrongBeforeWritten('the edit that adds the table'),
  'manifest/overlapping-tables': wrongBeforeWritten('the version of the database'),
  'manifest/malformed-edit': wrongBeforeWritten('the edit'),
  'wal/recycled-remains': recycled,
  'wal/stale-record': recycled,
  'wal/zero-fill': ({ length = 0 }) =>
    cause(
      'preallocated',
      'likely',
      `${length} bytes that were reserved and not used, or never reached the disk`,
    ),
  'manifest/zero-tail': ({ length = 0 }) =>
    cause(
      'preallocated',
      'likely',
      `${length} bytes that were reserved and not used, or never reached the disk`,
    ),
};

/** The cause of a finding about a whole file, or between files; of one that an engine's own defect explains, that defect. */
export function fileCause(finding: Finding, context: FileContext): Cause | undefined {
  return tellers[finding.rule]?.(finding, context) ?? engineDefect(finding);
}
