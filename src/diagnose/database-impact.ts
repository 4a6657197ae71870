import type { Database } from '../engine/database.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import { keyBytes } from '../finding/evidence.js';
import type { Finding, Impact } from '../finding/finding.js';
import type { ColumnFamily, LiveTable } from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import { counted, familiesText } from './words.js';

/** Rules that say of a live table that nothing in it can be read. */
const WHOLE_TABLE = new Set([
  'directory/missing-table',
  'directory/wrong-table-size',
  'sst/empty',
  'sst/truncated',
  'sst/zeroed',
  'sst/wrong-file',
  'sst/missing-index',
]);

/** Blocks without which keys or deletions are lost. */
const HOLDS_DATA = new Set([
  'data',
  'index',
  'index-partition',
  'compression-dictionary',
  'range-tombstones',
]);

/**
 * What a finding costs, completed by what only the version of the database tells: names of column families, the keys of
 * whole tables, and which tables hold newer and older versions of the keys that are hit.
 */
export function completeImpact(finding: Finding, database: Database): Impact | undefined {
  const known = finding.impact ?? (WHOLE_TABLE.has(finding.rule) ? wholeTable(finding, database) : undefined);
  if (known === undefined) return undefined;
  const impact = { ...known };
  nameFamilies(impact, database);
  const owner = ownerOf(finding, database);
  const { block } = finding.evidence;
  const atStake = block === undefined || HOLDS_DATA.has(String(block));
  if (owner !== undefined && atStake) overlaps(impact, owner);
  return impact;
}

interface Owner {
  family: ColumnFamily;
  table: LiveTable;
}

export function ownerOf({ file }: Finding, { version }: Database): Owner | undefined {
  const digits = /(\d+)\.(?:sst|ldb)$/.exec(file)?.[1];
  if (digits === undefined) return undefined;
  for (const family of version?.columnFamilies.values() ?? []) {
    const table = family.tables.get(BigInt(digits));
    if (table !== undefined) return { family, table };
  }
  return undefined;
}

function wholeTable(finding: Finding, database: Database): Impact | undefined {
  const owner = ownerOf(finding, database);
  if (owner === undefined) return undefined;
  const { family, table } = owner;
  return {
    summary: `all of the table, ${table.size} bytes (column family ${family.name}, level ${table.level})`,
    columnFamily: family.name,
    level: table.level,
    sequences: `${table.smallestSequence}–${table.largestSequence}`,
    keysFrom: keyBytes(userKey(table.smallest)),
    keysTo: keyBytes(userKey(table.largest)),
  };
}

/** An internal key without its sequence and type. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.slice(0, Math.max(0, internal.length - KEY_TRAILER));
}

/** Batches know column families by their ids. */
function nameFamilies(impact: Impact, { version }: Database): void {
  const { columnFamilies, summary } = impact;
  if (!Array.isArray(columnFamilies) || version === undefined) return;
  const names: string[] = [];
  impact.columnFamilies = columnFamilies.map((item): EvidenceValue => {
    const { id } = item as { id?: unknown };
    const name =
      typeof id === 'number'
        ? (version.columnFamilies.get(id)?.name ?? version.droppedColumnFamilies.get(id))
        : undefined;
    names.push(name ?? String(id));
    return name === undefined ? item : { ...(item as Record<string, EvidenceValue>), name };
  });
  if (typeof summary === 'string') {
    impact.summary = summary.replace(/ in column famil(?:y|ies) [\d, ]+$/, ` in ${familiesText(names)}`);
  }
}

/** Which tables hold other versions of the keys: newer ones hide what is lost, older ones would come back in its place. */
function overlaps(impact: Impact, { family, table }: Owner): void {
  const from = bytesOf(impact.keysFrom ?? impact.keysAfter) ?? userKey(table.smallest);
  const to = bytesOf(impact.keysTo ?? impact.keysUpTo) ?? userKey(table.largest);
  const comparator = comparatorNamed(family.comparator || undefined);
  let newer = 0;
  let older = 0;
  for (const other of family.tables.values()) {
    if (other.number === table.number) continue;
    const [below, above] = [
      compareUserKeys(comparator, userKey(other.largest), from),
      compareUserKeys(comparator, userKey(other.smallest), to),
    ];
    // in an order that only the application knows, every table may have these keys
    if ((below ?? 0) < 0 || (above ?? 0) > 0) continue;
    if (isNewer(other, table)) newer++;
    else older++;
  }
  if (newer > 0) impact.newerTables = newer;
  if (older > 0) impact.olderTables = older;
  const told: string[] = [];
  if (newer > 0) told.push(`${counted(newer, 'newer table')} may hide some of it`);
  if (older > 0)
    told.push(`${counted(older, 'older table')} may hold older versions, which would come back in its place`);
  if (older === 0) told.push('no older table has these keys');
  if (typeof impact.summary === 'string') impact.summary += `; ${told.join(', ')}`;
}

/** Lower levels are newer; on level 0 the epoch decides, where there is one, else the sequence numbers. */
function isNewer(other: LiveTable, table: LiveTable): boolean {
  if (other.level !== table.level) return other.level < table.level;
  if (other.epoch !== undefined && table.epoch !== undefined && other.epoch !== table.epoch)
    return other.epoch > table.epoch;
  return other.largestSequence > table.largestSequence;
}

function bytesOf(value: EvidenceValue | undefined): Uint8Array | undefined {
  const { base64 } = (value ?? {}) as Partial<KeyBytes>;
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
