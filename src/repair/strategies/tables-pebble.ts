import type { PebbleForm, ValueBlockPiece } from '../../encode/sst/pebble-parts.js';
import type { WrittenTable } from '../../encode/sst/table-writer.js';
import type { KeyBounds } from '../../format/manifest/edit.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { type Comparator, compareInternalKeys } from '../../format/sst/comparator.js';
import { internalKey, isExclusiveEnd, KEY_TRAILER } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import type { Table } from '../../format/sst/table.js';
import { isInValueBlock, valueHandle } from '../../format/sst/value-blocks.js';
import { Refusal } from '../refusal.js';
import type { OpenedTable } from './tables-blocks.js';

/** What of a damaged table of Pebble stands beside its data, as far as it can be read. */
export interface PebbleRemains {
  form: PebbleForm;
  /** It had range keys, or may have had some, that cannot be read. */
  lostRangeKeys: 'none' | 'some' | 'unknown';
  /** Whether a value of a put that stands in a value block is lost. */
  isLost(value: Uint8Array): boolean;
}

/** Refuses a table that is not written anew. */
export function refuseUnwritable(
  file: string,
  { table, columnar }: OpenedTable,
  { synthetic, backing }: LiveTable,
): void {
  const why =
    table.unsupported[0]?.reason ??
    (columnar ? 'its blocks hold columns' : undefined) ??
    (synthetic ? 'its keys are read with another prefix or suffix' : undefined) ??
    (backing !== undefined && table.rangeKeys.length > 0
      ? 'a part of it is live, and it holds range keys'
      : undefined);
  if (why === undefined) return;
  throw new Refusal('refused', `${file} cannot be written anew: ${why}`, 'restore it from a backup');
}

/** Reads what stands beside the data: range keys and value blocks. */
export async function pebbleRemains(opened: OpenedTable): Promise<PebbleRemains> {
  const { table, space, prefixed } = opened;
  const rangeKeys = await rangeKeyBlock(table);
  const values: (ValueBlockPiece | undefined)[] = [];
  const lengths: number[] = [];
  for (const handle of table.valueBlocks?.handles ?? []) {
    const block = await loadBlock(space!, handle, 'value');
    const whole = block.stored?.intact && block.contents !== undefined;
    values.push(whole ? handle : undefined);
    lengths.push(whole ? block.contents!.length : -1);
  }
  return {
    form: { prefixed, ...(rangeKeys && { rangeKeys }), ...(values.length > 0 && { values }) },
    lostRangeKeys: rangeKeys !== undefined || table.rangeKeysSound ? 'none' : lostRangeKeys(table),
    isLost(value) {
      if (!prefixed || value.length === 0 || !isInValueBlock(value[0])) return false;
      const handle = valueHandle(value, 0, value.length);
      return handle === undefined || !(handle.offset + handle.length <= (lengths[handle.block] ?? -1));
    },
  };
}

async function rangeKeyBlock({ meta, space, rangeKeysSound }: Table): Promise<Uint8Array | undefined> {
  const named = meta.find(({ kind }) => kind === 'range-keys');
  if (named === undefined || space === undefined || !rangeKeysSound) return undefined;
  return (await loadBlock(space, named.handle, 'range-keys')).contents;
}

function lostRangeKeys({ properties, propertiesSound, footer }: Table): PebbleRemains['lostRangeKeys'] {
  const isOlder =
    footer !== undefined && (footer.format !== 'pebble' || footer.formatVersion < FIRST_WITH_RANGE_KEYS);
  if (isOlder) return 'none';
  if (!propertiesSound || properties === undefined) return 'unknown';
  return properties.names().some((name) => name.startsWith('pebble.num.range-key')) ? 'some' : 'none';
}

/** From this format version of Pebble on tables may hold range keys. */
const FIRST_WITH_RANGE_KEYS = 2;

/** The MANIFEST's entry for the new table: a table of its own, whatever it was before. */
export function pebbleEntry(
  old: LiveTable,
  number: bigint,
  written: WrittenTable,
  hasRangeKeys: boolean,
  comparator: Comparator,
): LiveTable {
  const { points: _points, rangeKeys: stated, backing: _backing, ...kept } = old;
  const { smallest, largest } = written;
  const points = smallest && largest && boundsAs(old, { smallest, largest });
  const rangeKeys = hasRangeKeys ? (stated ?? old) : undefined;
  const all = [points, rangeKeys].filter((each) => each !== undefined);
  const less = (a: Uint8Array, b: Uint8Array) => (compareInternalKeys(comparator, a, b) ?? 0) <= 0;
  return {
    ...kept,
    number,
    size: BigInt(written.size),
    smallest: all.map((each) => each.smallest).reduce((a, b) => (less(a, b) ? a : b)),
    largest: all.map((each) => each.largest).reduce((a, b) => (less(b, a) ? a : b)),
    ...(rangeKeys && {
      ...(points && { points }),
      rangeKeys: { smallest: rangeKeys.smallest, largest: rangeKeys.largest },
    }),
    // the order of level 0 rests on these: they only widen
    ...(isOneSequence(old) || written.largestSequence <= old.largestSequence
      ? {}
      : { largestSequence: written.largestSequence }),
    ...(isOneSequence(old) || points === undefined || written.smallestSequence >= old.smallestSequence
      ? {}
      : { smallestSequence: written.smallestSequence }),
  };
}

/** Every entry is read as having the one sequence that the MANIFEST gives, whatever is stored. */
function isOneSequence({ smallestSequence, largestSequence }: LiveTable): boolean {
  return smallestSequence === largestSequence;
}

function boundsAs(old: LiveTable, { smallest, largest }: KeyBounds): KeyBounds {
  if (!isOneSequence(old)) return { smallest, largest };
  const withSequence = (key: Uint8Array) => {
    if (isExclusiveEnd(key)) return key;
    const split = key.length - KEY_TRAILER;
    return internalKey(key.subarray(0, split), old.smallestSequence, key[split]);
  };
  return { smallest: withSequence(smallest), largest: withSequence(largest) };
}
