import type { TableFacts } from '../check/unit.js';
import { type Database, liveWals } from '../engine/database.js';
import { type CauseRule, cause } from './cause-rule.js';

const SECTOR = 512;
const PAGE = 4096;

/** Where a file was cut says who cut it. */
export function boundary(size: number): string {
  if (size === 0) return 'at nothing';
  if (size % PAGE === 0)
    return `at ${size}, a multiple of ${PAGE}: pages that a file system lost, or a copy that stopped`;
  if (size % SECTOR === 0) return `at ${size}, a multiple of ${SECTOR}`;
  return `at ${size}, inside a page: a write or a copy that stopped there`;
}

export const missing: CauseRule = ({ evidence }) => {
  // its name is there, and the message says what is under it
  if (evidence.instead !== undefined) return undefined;
  const size = evidence.size ?? evidence.synced;
  const what = size === undefined ? '' : ` (${size} bytes)`;
  return cause(
    'missing',
    'proven',
    `the file${what} is gone: removed, left out of a copy or restore, or lost with a directory entry that was never synced`,
  );
};

/** A live table that is not under its name: gone, or under another one. */
export const missingTable: CauseRule = (finding, context) => {
  const { otherName } = finding.evidence;
  const file = typeof otherName === 'string' ? otherName : undefined;
  const found = file ?? nameById(finding.file, context);
  if (found === undefined) return missing(finding, context);
  return cause(
    'misplaced',
    'proven',
    `the table lies under another name: ${found}`,
    'its properties give the unique id that the MANIFEST has for the missing one',
  );
};

function nameById(missingFile: string, { tables, facts }: Parameters<CauseRule>[1]): string | undefined {
  const live = tables.owner(missingFile)?.table;
  if (live?.uniqueId === undefined) return undefined;
  return tables.filesWith(live.uniqueId).find((file) => {
    const fact = facts.get(file);
    return fact?.kind === 'table' && fact.number !== live.number;
  });
}

export const empty: CauseRule = () =>
  cause(
    'truncated',
    'likely',
    'the file is there and holds nothing: its name survived a power cut and its data did not, or something emptied it',
  );

export const cutTable: CauseRule = ({ file }, { database, facts }) => {
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

export const cutBlob: CauseRule = ({ file }, { facts }) => {
  const size = facts.get(file)?.size ?? 0;
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`);
};

/** A log that ends inside a record: the newest was being written, an older one was whole when the next was begun. */
export const tornWal: CauseRule = ({ file }, { database, facts, atRest }) => {
  const size = facts.get(file)?.size ?? 0;
  const isNewest = liveWals(database).at(-1)?.file === file;
  if (isNewest && !atRest) {
    const detail = `a write was under way when process or machine stopped, or the file was cut: it ends ${boundary(size)}`;
    return cause('torn-write', 'likely', detail, 'it is the newest log, and nothing follows');
  }
  const why = atRest ? 'nobody was writing to this copy' : 'newer logs were begun after it was whole';
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`, why);
};

export const shortWal: CauseRule = ({ evidence, offset = 0 }) =>
  cause(
    'truncated',
    'proven',
    `${BigInt(String(evidence.synced)) - BigInt(offset)} synced bytes are missing; the file was cut ${boundary(offset)}`,
    'the MANIFEST records how long the log was when it was closed and synced',
  );

export const tornManifest: CauseRule = ({ evidence, offset = 0, length = 0 }, { atRest }) => {
  const lost = Array.isArray(evidence.lost) && evidence.lost.length > 0;
  const size = offset + length;
  if (!lost && !atRest) {
    const detail = `a write was under way when process or machine stopped, or the file was cut: it ends ${boundary(size)}`;
    return cause('torn-write', 'likely', detail, 'nothing that the directory shows rests on the lost record');
  }
  const basis = lost ? 'what the lost record said had taken effect' : 'nobody was writing to this copy';
  return cause('truncated', 'likely', `the file was cut ${boundary(size)}`, basis);
};
