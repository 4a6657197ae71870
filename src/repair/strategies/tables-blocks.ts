import type { ByteSource } from '../../bytes/source.js';
import { type DialectName, dialectNamed } from '../../format/dialect.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { holdsColumns } from '../../format/sst/column-rows.js';
import {
  type Comparator,
  comparatorNamed,
  compareInternalKeys,
  compareUserKeys,
} from '../../format/sst/comparator.js';
import type { Footer } from '../../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../../format/sst/handle.js';
import type { BlockIndex } from '../../format/sst/index-block.js';
import { internalKey, KEY_TRAILER, sequenceOf, userKeyOf } from '../../format/sst/internal-key.js';
import { type BlockSpace, loadBlock } from '../../format/sst/load.js';
import { dataCompression, openTable, type Table } from '../../format/sst/table.js';
import { foundBlocks, guessedSpace } from '../../format/sst/table-blocks.js';
import { dataBlockReader, hasValuePrefixes, unmarkedKey } from '../../format/sst/value-blocks.js';
import { type BlockBounds, type EntryRules, type MendedBlock, mendBlock } from './tables-mend.js';
import { formShown } from './tables-prefixes.js';

/** A data block that can be believed. */
export interface GoodBlock {
  kind: 'block';
  offset: number;
  /** As stored. */
  payload: Uint8Array;
  compression: number;
  contents: Uint8Array;
  /** Internal keys. */
  first: Uint8Array;
  last: Uint8Array;
}

/** A place where a data block is, or may be, that cannot be believed. */
interface LostBlock {
  kind: 'gap';
  offset: number;
  /** Bytes; 0 where the end is not known. */
  length: number;
  /** User key that no key of the block passes, where the index tells. */
  separator?: Uint8Array;
}

/** A data block of which some entries can be believed, and between which keys the others were. */
export interface PartOfBlock extends MendedBlock {
  kind: 'part';
  offset: number;
  size: number;
  bounds: BlockBounds;
  rules: EntryRules;
  /** User key that no key of the block passes. */
  separator: Uint8Array;
}

/** A table with a way to its blocks, even where the footer is gone. */
export interface OpenedTable {
  table: Table;
  space?: BlockSpace;
  comparator: Comparator;
  /** Entries have Pebble's prefix bytes and marks: `hasValuePrefixes`. */
  prefixed: boolean;
  /** Its blocks hold columns, or most likely did. */
  columnar: boolean;
  /** As its footer states it, or most likely did. */
  form?: UsualForm;
}

/** The form that a table most likely had whose footer is lost. */
export interface UsualForm extends Pick<Footer, 'format' | 'formatVersion'> {
  /** Pebble: other tables have `hasValuePrefixes`. */
  besidePrefixed?: boolean;
}

/** Opens a table, and where its footer is lost finds out from the blocks how they are protected. */
export async function openDamaged(
  source: ByteSource,
  comparatorName: string,
  dialect: DialectName,
  usualForm?: UsualForm,
): Promise<OpenedTable> {
  const table = await openTable(source, {
    dialect,
    ...(comparatorName !== '' && { comparator: comparatorName }),
  });
  const stated = comparatorNamed(comparatorName === '' ? undefined : comparatorName);
  // a table that names another order than its column family has its name wrong: their keys are in one order
  const foreign = table.comparator.order === 'unknown' && comparatorName !== '' && stated.order !== 'unknown';
  const comparator = foreign ? stated : table.comparator;
  const isLost = table.footer === undefined && dialect === 'pebble' && usualForm !== undefined;
  const form = isLost ? await formShown(table, usualForm) : (table.footer ?? usualForm);
  const opened = {
    table,
    comparator,
    ...(form && { form }),
    prefixed: hasValuePrefixes(form),
    columnar: holdsColumns(form),
  };
  if (table.unsupported.length > 0) return opened;
  if (table.space !== undefined)
    return { ...opened, space: { ...table.space, compression: dataCompression(table) } };
  const guessed = await guessedSpace(source);
  if (guessed === undefined) return opened;
  const { compression } = guessed.space;
  return {
    ...opened,
    space: { ...guessed.space, compression: { ...compression, ...(dialect === 'pebble' && { dialect }) } },
  };
}

/**
 * The data blocks of a table in order, and the gaps between them: by a sound index, otherwise by what looks like a block and
 * matches its checksum. A block counts when it is intact, or only its checksum or its type byte is damaged, and its keys follow
 * those before it.
 */
export async function* dataBlocksOf(
  opened: OpenedTable,
  live: Pick<LiveTable, 'smallest' | 'largestSequence'> &
    Partial<Pick<LiveTable, 'largest' | 'points' | 'backing'>>,
  mayHold: (userKey: Uint8Array) => boolean = () => true,
): AsyncGenerator<GoodBlock | PartOfBlock | LostBlock> {
  const { table, space, comparator, prefixed } = opened;
  if (space === undefined) return;
  const { pointTypes } = dialectNamed(table.dialect).table;
  const { largestSequence } = live;
  const rules = { comparator, largestSequence, pointTypes, prefixed, provenOnly: table.dialect === 'pebble' };
  const { index } = table;
  if (index === undefined || !table.indexSound) yield* searched(table, space, rules);
  else yield* indexed(index, space, rules, mendable(opened, live, mayHold));
}

/** What single entries of damaged blocks are held against. */
interface Mendable {
  /** The first key of the table. */
  smallest: Uint8Array;
  /** Pebble: the user key that the MANIFEST gives as its last. */
  largest?: Uint8Array;
  /** Whether the filter of the table has a user key. */
  mayHold(userKey: Uint8Array): boolean;
}

/** Absent where single entries are not to be had. */
function mendable(
  { table, prefixed }: OpenedTable,
  { smallest, largest, points, backing }: Parameters<typeof dataBlocksOf>[1],
  mayHold: Mendable['mayHold'],
): Mendable | undefined {
  if (table.dialect === 'leveldb') return { smallest, mayHold };
  const last = points?.largest ?? largest;
  if (table.dialect !== 'pebble' || prefixed || backing !== undefined || last === undefined) return undefined;
  return { smallest: points?.smallest ?? smallest, largest: userKeyOf(last), mayHold };
}

async function* indexed(
  index: BlockIndex,
  space: BlockSpace,
  rules: EntryRules,
  mend: Mendable | undefined,
): AsyncGenerator<GoodBlock | PartOfBlock | LostBlock> {
  let last: Uint8Array | undefined;
  for (let i = 0; i < index.count; i++) {
    const handle = { offset: index.offset(i), size: index.size(i) };
    const block = await goodBlock(space, handle, last, rules);
    const whole = index.separator(i).slice();
    const separator = index.form.userKeys ? whole : whole.subarray(0, -KEY_TRAILER);
    const isWrong =
      block !== undefined && mend !== undefined && isTooHigh(block.last, separator, mend, rules);
    if (block !== undefined && !isWrong) {
      last = block.last;
      yield block;
      continue;
    }
    if (mend !== undefined) {
      const upTo = isWrong ? internalKey(mend.largest!, 0n, 0) : whole;
      const bounds = { from: mend.smallest, ...(last && { after: last }), upTo };
      const part = await mendBlock(space, handle, bounds, rules);
      if (part !== undefined) {
        last = part.entries.at(-1)!.key;
        yield { kind: 'part', ...handle, ...part, bounds, rules, separator };
        continue;
      }
    }
    yield { kind: 'gap', offset: handle.offset, length: handle.size + BLOCK_TRAILER, separator };
  }
}

/** Whether a key is wrong under a checksum that holds: above the last one that the MANIFEST gives, and the index or the filter says so, too. */
function isTooHigh(
  key: Uint8Array,
  separator: Uint8Array,
  { largest, mayHold }: Mendable,
  { comparator }: EntryRules,
): boolean {
  if (largest === undefined) return false;
  const own = userKeyOf(key);
  const isAbove = (limit: Uint8Array) => (compareUserKeys(comparator, own, limit) ?? 0) > 0;
  return isAbove(largest) && (isAbove(separator) || !mayHold(own));
}

/** Ends with a gap: that no block lies after the last that was found, nothing says. */
async function* searched(
  table: Table,
  space: BlockSpace,
  rules: EntryRules,
): AsyncGenerator<GoodBlock | LostBlock> {
  const found = await foundBlocks(table, space);
  let last: Uint8Array | undefined;
  let gaps = 0;
  let end = 0;
  for await (const handle of found?.handles ?? []) {
    for (; gaps < found!.gaps.length; gaps++) yield { kind: 'gap', ...found!.gaps[gaps] };
    const block = await goodBlock(space, handle, last, rules);
    end = handle.offset + handle.size + BLOCK_TRAILER;
    if (block === undefined) yield { kind: 'gap', offset: handle.offset, length: end - handle.offset };
    else {
      last = block.last;
      yield block;
    }
  }
  if (end < space.limit) yield { kind: 'gap', offset: end, length: 0 };
}

async function goodBlock(
  space: BlockSpace,
  handle: BlockHandle,
  before: Uint8Array | undefined,
  rules: EntryRules,
): Promise<GoodBlock | undefined> {
  const loaded = await loadBlock(space, handle, 'data');
  const { contents, stored, sound } = loaded;
  if (contents === undefined || stored === undefined || !sound) return undefined;
  const ends = endsOf(contents, before, rules);
  if (ends === undefined) return undefined;
  const payload = stored.bytes.subarray(0, handle.size);
  const compression = stored.soundAs ?? stored.compression;
  return { kind: 'block', offset: handle.offset, payload, compression, contents, ...ends };
}

/** First and last key of a block whose entries are all as they should be. */
function endsOf(
  contents: Uint8Array,
  before: Uint8Array | undefined,
  { comparator, largestSequence, pointTypes, prefixed }: EntryRules,
): { first: Uint8Array; last: Uint8Array } | undefined {
  const reader = dataBlockReader(contents, prefixed);
  let first: Uint8Array | undefined;
  let last = before;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const key = unmarkedKey(entry.key, prefixed);
    const split = key.length - KEY_TRAILER;
    if (split < 0 || pointTypes[key[split]] === 0) return undefined;
    if (sequenceOf(key) > largestSequence) return undefined;
    if (last !== undefined && (compareInternalKeys(comparator, last, key) ?? -1) >= 0) return undefined;
    last = key.slice();
    first ??= last;
  }
  if (reader.anomalies.length > 0 || first === undefined || last === undefined) return undefined;
  return { first, last };
}
