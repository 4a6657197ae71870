import type { TableContext, TableTotals } from '../check/unit.js';
import { keyBytes } from '../finding/evidence.js';
import type { Impact } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import type { Table } from '../format/sst/table.js';

/** What the loss of a metadata block comes to. */
const METADATA: Record<string, string> = {
  index: 'no data block of the table can be found',
  'index-partition': 'the data blocks that this part of the index names cannot be found',
  metaindex: 'the engine cannot open the table: properties, filter and index are found through it',
  properties: 'the engine cannot open the table; no data is in this block',
  'compression-dictionary': 'no data block of the table can be decompressed',
  'range-tombstones': 'lost: keys that they cover would come back',
  filter: 'no data: reads that ask the filter fail, and a new one can be made of the keys',
  'filter-partition': 'no data: reads that ask the filter fail, and a new one can be made of the keys',
  'filter-index': 'no data: reads that ask the filter fail, and a new one can be made of the keys',
  'block-filter': 'no data: a new filter can be made of the keys',
  'hash-index-prefixes': 'no data: the hash index can be made again',
  'hash-index-metadata': 'no data: the hash index can be made again',
};

/**
 * What a damaged block costs: which keys, of which column family and level, as its neighbours in the index tell, and what
 * exactly was in it where `totals` of the block put right are at hand.
 */
export function blockImpact(
  table: Table,
  { live, columnFamilyName }: TableContext,
  kind: string,
  position: number | undefined,
  totals?: TableTotals,
): Impact {
  const family = columnFamilyName ?? table.properties?.text('column.family.name');
  const impact: Impact = {
    ...(family === undefined || family === '' ? {} : { columnFamily: family }),
    ...(live === undefined ? {} : { level: live.level }),
  };
  if (kind !== 'data') {
    const tombstones =
      kind === 'range-tombstones' ? table.properties?.number('num.range-deletions') : undefined;
    const text = METADATA[kind] ?? `the ${kind} block`;
    return {
      summary: withPlace(
        tombstones === undefined ? text : `${counted(Number(tombstones), 'range deletion')} ${text}`,
        impact,
      ),
      ...impact,
      ...(table.index === undefined ? {} : { dataBlocks: table.index.count }),
    };
  }
  Object.assign(impact, keyRange(table, position, totals));
  const share = totals === undefined ? aboutEntries(table) : undefined;
  if (totals !== undefined) Object.assign(impact, contents(totals));
  else if (share !== undefined) impact.entriesAbout = share;
  const entries =
    totals !== undefined
      ? counted(totals.points, 'entry', 'entries')
      : share !== undefined
        ? `about ${counted(share, 'entry', 'entries')}`
        : 'one data block';
  const deletions =
    totals !== undefined && totals.deletions > 0 ? `, ${totals.deletions} of them deletions` : '';
  return { summary: withPlace(`${entries}${deletions}`, impact), ...impact };
}

function withPlace(text: string, { columnFamily, level }: Impact): string {
  if (columnFamily === undefined) return text;
  return `${text} (column family ${columnFamily}${level === undefined ? '' : `, level ${level}`})`;
}

function contents(totals: TableTotals): Impact {
  const { points, deletions, minSequence, maxSequence } = totals;
  return {
    entries: points,
    ...(deletions > 0 ? { deletions } : {}),
    ...(minSequence === undefined ? {} : { sequences: `${minSequence}–${maxSequence}` }),
  };
}

function aboutEntries({ properties, index }: Table): number | undefined {
  const entries = properties?.number('num.entries');
  if (entries === undefined || index === undefined || index.count === 0) return undefined;
  return Math.max(1, Math.round(Number(entries) / index.count));
}

/** The keys of the block itself, else the separators on either side of it. */
function keyRange({ index }: Table, position: number | undefined, totals?: TableTotals): Impact {
  if (totals?.first !== undefined && totals.last !== undefined) {
    return { keysFrom: userKey(totals.first), keysTo: userKey(totals.last) };
  }
  if (index === undefined || position === undefined) return {};
  const separator = (i: number) =>
    index.form.userKeys ? keyBytes(index.separator(i).slice()) : userKey(index.separator(i));
  return {
    ...(position === 0 ? {} : { keysAfter: separator(position - 1) }),
    keysUpTo: separator(position),
  };
}

function userKey(internal: Uint8Array) {
  return keyBytes(internal.slice(0, Math.max(0, internal.length - KEY_TRAILER)));
}
