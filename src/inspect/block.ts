import { hex32 } from '../bytes/hexdump.js';
import { codecOfBlock } from '../codec/block.js';
import { CHECKSUM, checksumName } from '../format/sst/checksum.js';
import { openBlockFilter } from '../format/sst/filter/block-filter.js';
import { openFilter } from '../format/sst/filter/open.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { type BlockKind, type BlockSpace, type LoadedBlock, loadBlock } from '../format/sst/load.js';
import { blockNodes, type EntryForm, entriesSummary, hasEntries, rowWords } from './block-entries.js';
import { columnNodes } from './columns.js';
import { Fields } from './fields.js';
import { contentsSpace, type Detail, type Node, type NodePlace, type Space, type Words } from './node.js';
import { blobBlockNodes, blobBlockSummary } from './pebble-blob-block.js';

/** A block that something in the table names. */
export interface BlockPlan extends EntryForm {
  kind: BlockKind;
  handle: BlockHandle;
  /** A block of a blob file of Pebble's. */
  blob?: 'values' | 'index';
  /** The metaindex calls it so. */
  name?: string;
  /** What is odd about where it stands. */
  problems?: string[];
  /** Why a checksum that does not match is no damage. */
  excuse?: string;
}

const titles: Partial<Record<BlockKind, string>> = {
  'index-partition': 'index partition',
  'compression-dictionary': 'compression dictionary',
  'range-tombstones': 'range tombstones',
  'filter-partition': 'filter partition',
  'filter-index': 'filter index',
  'block-filter': 'block-based filter',
  'hash-index-prefixes': 'hash index prefixes',
  'hash-index-metadata': 'hash index metadata',
  'user-defined-index': 'user-defined index',
};

/** `data block`, `filter partition`. */
function blockTitle(kind: BlockKind): string {
  const title = titles[kind];
  return title ?? `${kind} block`;
}

/** A block with its trailer. `detail.entries` takes its content apart. */
export async function blockNode(
  blockSpace: BlockSpace,
  space: Space,
  plan: BlockPlan,
  detail: Detail,
): Promise<Node> {
  const { kind, handle, problems: odd = [] } = plan;
  const block = await loadBlock(blockSpace, handle, kind);
  const { stored, contents } = block;
  const name = blockTitle(kind);
  const excused = block.anomalies.filter(({ rule }) => !(plan.excuse && rule === 'sst/block-checksum'));
  const anomalies = excused.map(({ message }) => message);
  if (stored === undefined) {
    const problems = [...odd, ...anomalies];
    const text = `at 0x${handle.offset.toString(16)}, ${handle.size} bytes`;
    return { name, text, problems, unsupported: block.unsupported };
  }
  const at: NodePlace = { space, offset: handle.offset, length: handle.size + BLOCK_TRAILER };
  const about = contents === undefined ? undefined : contentSummary(contents, plan, detail);
  const problems = [...odd, ...anomalies, ...(about?.problems ?? [])];
  const named = plan.name === undefined ? [] : [`${plan.name}: `];
  const text = [...named, ...listOf(about?.text)];
  return {
    name,
    at,
    text,
    ...(about?.said !== undefined && { said: about.said }),
    problems,
    unsupported: block.unsupported,
    children: () => parts(blockSpace, block, space, plan, detail),
  };
}

function listOf(words: Words | undefined): readonly (string | Uint8Array)[] {
  if (words === undefined) return [];
  return typeof words === 'string' ? [words] : words;
}

interface Summary {
  text: Words;
  said?: string;
  problems: string[];
}

function contentSummary(contents: Uint8Array, plan: BlockPlan, detail: Detail): Summary {
  const { kind, name = '' } = plan;
  if (hasEntries(kind)) return entriesSummary(contents, plan, detail);
  if (plan.blob !== undefined) return blobBlockSummary(contents, plan.handle, plan.blob);
  if (kind === 'filter' || kind === 'filter-partition') {
    const filter = openFilter(contents);
    const problems = filter.problems.map(({ message }) => message);
    return { text: `${filter.kind}, ${contents.length} bytes`, problems };
  }
  if (kind === 'block-filter') {
    const filter = openBlockFilter(contents, name.includes('leveldb') ? 'unsigned' : 'signed');
    return {
      text: `${contents.length} bytes`,
      problems: filter.problems.slice(0, 3).map(({ message }) => message),
    };
  }
  return { text: `${contents.length} bytes`, problems: [] };
}

/** Payload, trailer and, of a compressed block, its content in a space of its own. */
function* parts(
  blockSpace: BlockSpace,
  block: LoadedBlock,
  space: Space,
  plan: BlockPlan,
  detail: Detail,
): Generator<Node> {
  const { handle, contents } = block;
  const stored = block.stored!;
  const payload = stored.bytes.subarray(0, handle.size);
  const place: NodePlace = { space, offset: handle.offset, length: handle.size };
  const content = block.columnar ?? contents;
  const expanded = detail.entries === true && content !== undefined;
  const inPlace = content !== undefined && content.buffer === payload.buffer;
  const inside = (at: NodePlace) =>
    block.columnar === undefined
      ? contentNodes(content!, at, plan, detail)
      : columnNodes(block, blockSpace.columns!, at, (key, value) => rowWords(key, value, plan), detail);
  if (expanded && inPlace) yield* inside(place);
  else yield { name: inPlace ? 'payload' : 'compressed', at: place, bytes: payload };
  const trailer = new Fields(space, handle.offset, stored.bytes, handle.size);
  const { dialect } = blockSpace.compression;
  trailer.u8('compression', (type) => codecOfBlock(type, payload, dialect) ?? 'unknown');
  trailer.u32('checksum', () => {
    if (stored.intact)
      return { hexDigits: 8, text: blockSpace.checksumType === CHECKSUM.none ? 'none' : 'valid' };
    if (plan.excuse !== undefined) return { hexDigits: 8, text: plan.excuse };
    return {
      hexDigits: 8,
      problems: [`${checksumName(blockSpace.checksumType)} of the block is ${hex32(stored.computed)}`],
    };
  });
  yield* trailer.nodes;
  if (content === undefined || inPlace) return;
  const inner: NodePlace = {
    space: contentsSpace({ offset: handle.offset, length: handle.size }),
    offset: 0,
    length: content.length,
  };
  yield expanded
    ? {
        name: 'content',
        at: inner,
        transparent: true,
        children: () => inside(inner),
      }
    : { name: 'content', at: inner, bytes: content };
}

function* contentNodes(
  contents: Uint8Array,
  place: NodePlace,
  plan: BlockPlan,
  detail: Detail,
): Generator<Node> {
  if (hasEntries(plan.kind)) yield* blockNodes(contents, place, plan, detail);
  else if (plan.blob !== undefined) yield* blobBlockNodes(contents, place, plan.handle, plan.blob, detail);
  else if (plan.kind === 'filter' || plan.kind === 'filter-partition') yield* filterNodes(contents, place);
  else yield { name: 'content', at: place, bytes: contents };
}

/** Bits or solution, and the five bytes that say what the filter is (format/sst/filter/open.ts has the drawing). */
function filterNodes(contents: Uint8Array, { space, offset }: NodePlace): Node[] {
  const fields = new Fields(space, offset, contents);
  const METADATA = 5;
  if (contents.length <= METADATA) {
    fields.rest('metadata', () => 'no key was added');
    return fields.nodes;
  }
  const { kind } = openFilter(contents);
  fields.raw('bits', contents.length - METADATA);
  fields.u8('kind', () => kind);
  if (kind === 'fast-local-bloom') {
    fields.u8('implementation');
    fields.u8('probes', (setting) => ({
      value: setting & 0x1f,
      text: `lines of ${64 << (setting >> 5)} bytes`,
    }));
    fields.u16('reserved');
  } else if (kind === 'ribbon') {
    fields.u8('seed');
    fields.take('blocks', 3, (bytes) => ({ value: bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) }));
  } else if (kind === 'legacy-bloom') fields.u32('lines');
  else fields.rest('metadata');
  return fields.nodes;
}
