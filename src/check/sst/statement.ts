import { compareUserKeys } from '../../format/sst/comparator.js';
import { BLOCK_TRAILER } from '../../format/sst/handle.js';
import { internalKey, KEY_TRAILER, MAX_SEQUENCE, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { blockRange, isAsStored } from '../../format/sst/load.js';
import { globalSequenceOf, NUMBER_PROPERTIES } from '../../format/sst/properties.js';
import { metaBlock, type Table } from '../../format/sst/table.js';
import type { TableContext, TableStatement } from '../unit.js';

/** What the table says of itself, as plain data that outlives the unit. */
export function stateTable(table: Table, context: TableContext, wrongFile: boolean): TableStatement {
  const statement: TableStatement = {
    properties: [],
    rangeTombstones: stateTombstones(table),
    hasDictionary: metaBlock(table, 'compression-dictionary') !== undefined || !table.metaindexSound,
    timestampsStripped: table.timestampsStripped,
    wrongFile,
    globalSequenceEdited: table.globalSequenceEdited,
  };
  const tombstones = metaBlock(table, 'range-tombstones');
  if (tombstones !== undefined) statement.rangeTombstonesAt = blockRange(tombstones.handle);
  const { properties, propertiesBlock, index } = table;
  if (properties !== undefined && propertiesBlock !== undefined && table.propertiesSound) {
    const { handle } = propertiesBlock;
    statement.propertiesAt = blockRange(handle);
    for (const name of NUMBER_PROPERTIES) {
      const value = properties.number(name);
      const place = properties.place(name);
      if (value === undefined || place === undefined || isUncounted(name, table)) continue;
      const at = isAsStored(propertiesBlock)
        ? { offset: handle.offset + place.offset, length: place.length }
        : blockRange(handle);
      statement.properties.push({ name, value, ...at });
    }
    statement.globalSequence = globalSequenceOf(properties, context.live?.largestSequence);
  }
  if (index !== undefined && table.indexSound) {
    const last = index.count - 1;
    statement.index = {
      blocks: index.count,
      dataEnd: last < 0 ? 0 : index.offset(last) + index.size(last) + BLOCK_TRAILER,
      ...(metaBlock(table, 'hash-index-prefixes') === undefined ? { size: table.indexSize } : {}),
      partitions: table.blocks.filter(({ kind }) => kind === 'index-partition').length,
    };
  }
  return statement;
}

/** Columns of CockroachDB's keys leave out what their sizes were counted with: logical times of zero, marks without a meaning. */
function isUncounted(name: string, { space }: Table): boolean {
  return name === 'raw.key.size' && space?.columns?.schema === 'crdb1';
}

function stateTombstones(table: Table): TableStatement['rangeTombstones'] {
  const { rangeTombstones, comparator, space } = table;
  const stated: TableStatement['rangeTombstones'] = {
    complete: table.rangeTombstonesSound,
    count: rangeTombstones.length,
    keyBytes: 0,
    endBytes: 0,
  };
  let first: Uint8Array | undefined;
  let firstSequence = 0n;
  let last: Uint8Array | undefined;
  let spanStart: Uint8Array | undefined;
  for (const { start, end, sequence } of rangeTombstones) {
    if (space?.columns === undefined) {
      stated.keyBytes += start.length + KEY_TRAILER;
      stated.endBytes += end.length;
    } else if (spanStart === undefined || compareUserKeys(comparator, spanStart, start) !== 0) {
      // bounds are counted once for all tombstones between them
      stated.keyBytes += start.length + end.length;
    }
    spanStart = start;
    if (stated.minSequence === undefined || sequence < stated.minSequence) stated.minSequence = sequence;
    if (stated.maxSequence === undefined || sequence > stated.maxSequence) stated.maxSequence = sequence;
    const order = first === undefined ? -1 : (compareUserKeys(comparator, start, first) ?? 1);
    if (order < 0 || (order === 0 && sequence > firstSequence)) {
      first = start;
      firstSequence = sequence;
    }
    if (last === undefined || (compareUserKeys(comparator, end, last) ?? -1) > 0) last = end;
  }
  if (first !== undefined) stated.smallest = internalKey(first, firstSequence, VALUE_TYPE.rangeDelete);
  // the end is exclusive, and so is the bound: no entry of that key can have so large a sequence
  if (last !== undefined) stated.largest = internalKey(last, MAX_SEQUENCE, VALUE_TYPE.rangeDelete);
  return stated;
}
