import { append } from '../../bytes/append.js';
import { decodeBlockTail } from './block.js';
import type { Footer } from './footer.js';
import { type BlockHandle, handleFits } from './handle.js';
import { BlockIndex, decodeIndexBlock, holdsInternalKeys, type IndexForm, indexFits } from './index-block.js';
import {
  anomaliesInFile,
  type BlockKind,
  type BlockSpace,
  blockRange,
  type LoadedBlock,
  loadBlock,
} from './load.js';
import { COLLECTED_PROPERTIES } from './properties.js';
import type { Table } from './table.js';

/** Loads a meta block, keeps what is wrong with it, remembers where it is. */
export async function loadNamed(
  table: Table,
  space: BlockSpace,
  handle: BlockHandle,
  kind: BlockKind,
): Promise<LoadedBlock> {
  const block = await loadBlock(space, handle, kind);
  append(table.anomalies, block.anomalies);
  if (block.stored !== undefined) table.blocks.push({ kind, handle });
  if (block.unsupported !== undefined) {
    table.unsupported.push({ reason: block.unsupported, ...blockRange(handle) });
  }
  return block;
}

/** True when an intact block of any kind stands at the handle. */
export async function isBlockIntact(space: BlockSpace, handle: BlockHandle): Promise<boolean> {
  if (!handleFits(handle, space.limit)) return false;
  return (await loadBlock(space, handle, 'unknown')).stored?.intact === true;
}

const COLUMNS: IndexForm = { deltaEncoded: false, userKeys: true, firstKeys: false };
const INDEX_TYPE = { binary: 0, hash: 1, twoLevel: 2, withFirstKey: 3 };

export async function readIndex(table: Table, footer: Footer, space: BlockSpace): Promise<void> {
  const handle = footer.index ?? table.meta.find(({ kind }) => kind === 'index')?.handle;
  if (handle === undefined) {
    if (table.metaindexSound) {
      const message = 'the metaindex names no index block';
      table.anomalies.push({ rule: 'sst/missing-index', ...blockRange(footer.metaindex!), message });
    }
    return;
  }
  if (!handleFits(handle, footer.offset)) return;
  const block = await loadNamed(table, space, handle, 'index');
  const { contents } = block;
  if (contents === undefined) return;
  const type = Number(table.properties?.fixed(COLLECTED_PROPERTIES.indexType, 4) ?? INDEX_TYPE.binary);
  const stated: IndexForm = {
    deltaEncoded: table.properties?.number('index.value.is.delta.encoded') === 1n,
    userKeys: table.properties?.number('index.key.is.user.key') === 1n,
    firstKeys: type === INDEX_TYPE.withFirstKey,
  };
  // LevelDB and columns know one form only
  const isStated = table.propertiesSound || table.dialect === 'leveldb';
  table.indexFormKnown = isStated || space.columns !== undefined;
  const form =
    space.columns !== undefined ? COLUMNS : isStated ? stated : guessForm(contents, stated, space.limit);
  const index = new BlockIndex(form);
  const twoLevel =
    type === INDEX_TYPE.twoLevel || (!isStated && (await pointsAtIndex(space, contents, form)));
  table.indexSound = block.sound;
  countContents(table, contents, block.columnar);
  if (!twoLevel) {
    table.indexParts.push({ handle, from: 0 });
    table.indexBeginsNowhere = addEntries(table, block, index);
  } else await readPartitions(table, space, block, form, index);
  table.index = index;
}

function countContents(table: Table, contents: Uint8Array, columnar: Uint8Array | undefined): void {
  table.indexSize.contents += (columnar ?? contents).length;
  const tail = columnar === undefined ? decodeBlockTail(contents) : '';
  if (typeof tail !== 'string') table.indexSize.restarts += 4 * tail.restartCount + 4;
}

/**
 * Adds the entries of an index block; what is wrong with them is only reported when the block can be believed. Returns
 * whether the block begins nowhere.
 */
function addEntries(table: Table, block: LoadedBlock, index: BlockIndex): boolean {
  const { anomalies, unsupported, beginsNowhere } = decodeIndexBlock(block.contents!, index);
  if (block.sound) append(table.anomalies, anomaliesInFile(block, anomalies));
  if (anomalies.length > 0) table.indexSound = false;
  if (unsupported !== undefined) table.unsupported.push({ reason: unsupported, ...blockRange(block.handle) });
  return beginsNowhere;
}

async function readPartitions(
  table: Table,
  space: BlockSpace,
  top: LoadedBlock,
  form: IndexForm,
  index: BlockIndex,
): Promise<void> {
  const partitions = new BlockIndex({ ...form, firstKeys: false });
  table.indexBeginsNowhere = addEntries(table, top, partitions);
  const topSound = table.indexSound;
  table.indexSize.topLevel = table.indexSize.contents;
  for (let i = 0; i < partitions.count; i++) {
    const handle = { offset: partitions.offset(i), size: partitions.size(i) };
    // after a damaged top level a handle counts only when an intact block is where it points
    if (!topSound && !(await isBlockIntact(space, handle))) continue;
    const block = await loadNamed(table, space, handle, 'index-partition');
    if (!block.sound) table.indexSound = false;
    if (block.contents === undefined) continue;
    countContents(table, block.contents, block.columnar);
    table.indexParts.push({ handle, from: index.count });
    addEntries(table, block, index);
  }
}

/** The form of an index whose table has lost its properties: the first in which it reads without a flaw. */
function guessForm(contents: Uint8Array, stated: IndexForm, limit: number): IndexForm {
  const both = [true, false];
  const forms = both.flatMap((deltaEncoded) =>
    both.map((firstKeys) => ({ deltaEncoded, firstKeys, userKeys: false })),
  );
  const fits = [stated, ...forms].find((form) => indexFits(contents, form, limit)) ?? stated;
  return { ...fits, userKeys: !holdsInternalKeys(contents, fits) };
}

/** Whether the entries of an index lead to index blocks: those never begin at the start of the file. */
async function pointsAtIndex(space: BlockSpace, contents: Uint8Array, form: IndexForm): Promise<boolean> {
  const top = new BlockIndex({ ...form, firstKeys: false });
  decodeIndexBlock(contents, top);
  if (top.count === 0 || top.offset(0) === 0) return false;
  const first = await loadBlock(space, { offset: top.offset(0), size: top.size(0) }, 'index-partition');
  if (first.contents === undefined || first.stored?.intact !== true) return false;
  return indexFits(first.contents, form, space.limit);
}
