import { xxh3Wide } from '../../bytes/xxhash.js';
import { compareBytes } from '../../format/sst/comparator.js';
import type { TableProperties } from '../../format/sst/properties.js';
import type { Table } from '../../format/sst/table.js';
import type { TableContext, TableFacts } from '../unit.js';
import type { TableReport } from './report.js';

const SESSION = /^[0-9A-Z]{13,24}$/;
const LOW_DIGITS = 12;
const MASK_62 = (1n << 62n) - 1n;
/** The column family id of tables that were written outside a database. */
const UNKNOWN_COLUMN_FAMILY = 2147483647n;

/**
 * The internal unique id of a table, 16 bytes as the MANIFEST stores it, from the properties that name the database, the
 * session of the engine and the file's number when it was written (rocksdb table/unique_id.cc). Undefined where the writer
 * was too old to leave them.
 */
export async function tableUniqueId(properties: TableProperties): Promise<Uint8Array | undefined> {
  const databaseId = properties.text('creating.db.identity');
  const sessionId = properties.text('creating.session.identity');
  const number = properties.number('original.file.number');
  if (!databaseId || !sessionId || !number || !SESSION.test(sessionId)) return undefined;
  const high = base36(sessionId.slice(0, -LOW_DIGITS));
  const low = base36(sessionId.slice(-LOW_DIGITS));
  const upper = high >> 2n;
  const lower = BigInt.asUintN(64, (low & MASK_62) | (high << 62n));
  const hash = await xxh3Wide(new TextEncoder().encode(databaseId), upper);
  const id = new DataView(new ArrayBuffer(16));
  id.setBigUint64(0, lower, true);
  id.setBigUint64(8, hash.high ^ number, true);
  return new Uint8Array(id.buffer);
}

function base36(digits: string): bigint {
  let value = 0n;
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}

/** Fills in what the properties say about where the table comes from. */
export async function identify(table: Table, facts: TableFacts): Promise<void> {
  const { properties } = table;
  facts.comparator = table.comparator.name;
  if (properties === undefined || !table.propertiesSound) return;
  facts.databaseId = properties.text('creating.db.identity');
  facts.sessionId = properties.text('creating.session.identity');
  facts.originalFileNumber = properties.number('original.file.number');
  facts.mergeOperator = properties.mergeOperator();
  facts.columnFamilyName = properties.text('column.family.name');
  const columnFamily = properties.number('column.family.id');
  if (columnFamily !== undefined && columnFamily !== UNKNOWN_COLUMN_FAMILY) {
    facts.columnFamily = Number(columnFamily);
  }
  facts.uniqueId = await tableUniqueId(properties);
}

/**
 * True when the file is a whole table, but not the one that the MANIFEST means: another unique id, or, where an old writer
 * left none, another size although footer and metaindex are intact. Such a table is reported once, and nothing in it is
 * compared with the MANIFEST.
 */
export function isWrongFile(table: Table, facts: TableFacts, context: TableContext): boolean {
  const { live } = context;
  if (live === undefined || !table.metaindexSound || !table.propertiesSound) return false;
  if (live.uniqueId !== undefined && facts.uniqueId !== undefined) {
    return compareBytes(live.uniqueId, facts.uniqueId) !== 0;
  }
  // Pebble's tables say nothing of themselves: their keys will tell
  if (context.dialect === 'pebble') return false;
  const endsInFooter = table.footer !== undefined && table.footer.offset + table.footer.length === table.size;
  return endsInFooter && live.size !== BigInt(table.size);
}

/** Reports a table that stands under another one's name, with everything that tells. */
export function reportWrongFile(table: Table, facts: TableFacts, report: TableReport): void {
  const { live, number } = report.context;
  const differences: string[] = [];
  const evidence: Record<string, string> = {};
  const compare = (what: string, expected: unknown, found: unknown) => {
    if (expected === undefined || found === undefined || String(expected) === String(found)) return;
    differences.push(what);
    evidence[`${what} expected`] = String(expected);
    evidence[`${what} found`] = String(found);
  };
  compare('unique id', hex(live?.uniqueId), hex(facts.uniqueId));
  compare('size', live?.size, table.size);
  compare('column family', live?.columnFamily, facts.columnFamily);
  compare('file number', number, facts.originalFileNumber);
  report.add({
    rule: 'sst/wrong-file',
    offset: 0,
    length: table.size,
    message: `The file is a whole table, but not the one that the MANIFEST means: ${differences.join(', ')} differ`,
    evidence,
  });
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
