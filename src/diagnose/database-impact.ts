import type { Database } from '../engine/database.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import { keyBytes } from '../finding/evidence.js';
import type { Finding, Impact } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { type LiveTables, type Owner, userKey } from './live-tables.js';
import { familiesText } from './wal-impact.js';

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
export function completeImpact(finding: Finding, database: Database, tables: LiveTables): Impact | undefined {
  const known =
    finding.impact ?? (WHOLE_TABLE.has(finding.rule) ? wholeTable(tables.owner(finding.file)) : undefined);
  if (known === undefined) return undefined;
  const impact = { ...known };
  nameFamilies(impact, database);
  const owner = tables.owner(finding.file);
  const { block } = finding.evidence;
  const atStake = block === undefined || HOLDS_DATA.has(String(block));
  if (owner !== undefined && atStake) overlaps(impact, owner, tables);
  return impact;
}

function wholeTable(owner: Owner | undefined): Impact | undefined {
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

/** Batches know column families by their ids. */
function nameFamilies(impact: Impact, { version }: Database): void {
  const { columnFamilies, summary } = impact;
  if (!Array.isArray(columnFamilies) || version === undefined) return;
  const ids: unknown[] = [];
  const names: string[] = [];
  impact.columnFamilies = columnFamilies.map((item): EvidenceValue => {
    const { id } = item as { id?: unknown };
    const name =
      typeof id === 'number'
        ? (version.columnFamilies.get(id)?.name ?? version.droppedColumnFamilies.get(id))
        : undefined;
    ids.push(id);
    names.push(name ?? String(id));
    return name === undefined ? item : { ...(item as Record<string, EvidenceValue>), name };
  });
  const numbered = familiesText(ids.map(String));
  if (typeof summary === 'string' && summary.endsWith(numbered))
    impact.summary = summary.slice(0, -numbered.length) + familiesText(names);
}

/** Which tables hold other versions of the keys: newer ones hide what is lost, older ones would come back in its place. */
function overlaps(impact: Impact, owner: Owner, tables: LiveTables): void {
  const { table } = owner;
  const from = bytesOf(impact.keysFrom ?? impact.keysAfter) ?? userKey(table.smallest);
  const to = bytesOf(impact.keysTo ?? impact.keysUpTo) ?? userKey(table.largest);
  const found = tables.overlapping(owner, from, to);
  if (found === undefined) return;
  const { newer, older } = found;
  if (newer > 0) impact.newerTables = newer;
  if (older > 0) impact.olderTables = older;
  const told: string[] = [];
  if (newer > 0) told.push(`${counted(newer, 'newer table')} may hide some of it`);
  if (older > 0)
    told.push(`${counted(older, 'older table')} may hold older versions, which would come back in its place`);
  if (older === 0) told.push('no older table has these keys');
  if (typeof impact.summary === 'string') impact.summary += `; ${told.join(', ')}`;
}

function bytesOf(value: EvidenceValue | undefined): Uint8Array | undefined {
  const { base64 } = (value ?? {}) as Partial<KeyBytes>;
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
