import { Cursor } from '../bytes/cursor.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { type Assembly, MAX_RECORD } from '../format/log/assembly.js';
import { type LogMetadata, WAL_ZSTD } from '../format/log/metadata.js';
import {
  BLOCK_SIZE,
  LEGACY_HEADER,
  type LogDialect,
  RECYCLABLE_HEADER,
  RecordKind,
} from '../format/log/types.js';
import { batchNode } from './batch.js';
import { Fields } from './fields.js';
import {
  contentsSpace,
  type Detail,
  more,
  type Node,
  type NodePlace,
  recordSpace,
  type Space,
} from './node.js';
import type { RangeReader } from './read-at.js';

/** What the log has said of itself so far. */
export interface KnownOfLog {
  timestampSizes?: ReadonlyMap<number, number>;
  /** Header sequence of the last batch. */
  lastSequence?: bigint;
}

/** A fragment of a record: its header and payload in the file. */
interface Fragment {
  header: number;
  payload: number;
  length: number;
}

/** Fragments of a record that are shown. */
const MOST_FRAGMENTS = Math.ceil(MAX_RECORD / (BLOCK_SIZE - LEGACY_HEADER));

interface RecordContext {
  space: Space;
  ranges: RangeReader;
  fragments: readonly Fragment[];
  detail: Detail;
  state: KnownOfLog;
}

/** Where the fragments' headers are: the type before the payload tells which of the two forms stands there. */
export async function fragmentsOf(
  ranges: RangeReader,
  record: Assembly,
  recyclable: boolean,
): Promise<Fragment[]> {
  const fragments: Fragment[] = [];
  for (const { fileOffset: payload, length } of record.places()) {
    const before = await ranges.bytes(
      Math.max(0, payload - RECYCLABLE_HEADER),
      Math.min(payload, RECYCLABLE_HEADER),
    );
    const fits = (size: number) => {
      const at = before.length - size;
      return (
        at >= 0 &&
        ranges.framing.headerSizes[before[at + 6]] === size &&
        (before[at + 4] | (before[at + 5] << 8)) === length
      );
    };
    const sizes = recyclable ? [RECYCLABLE_HEADER, LEGACY_HEADER] : [LEGACY_HEADER, RECYCLABLE_HEADER];
    fragments.push({ header: payload - (sizes.find(fits) ?? sizes[0]), payload, length });
  }
  return fragments;
}

export async function recordNode(record: Assembly, context: RecordContext): Promise<Node> {
  const { space, fragments, detail, state } = context;
  const origin = { offset: record.offset, length: record.endOffset - record.offset };
  const bytes = record.bytes.subarray(record.start, record.end);
  const problems: string[] = [];
  if (record.decompressionError !== undefined)
    problems.push(`it does not decompress: ${record.decompressionError}`);
  const unsupported = record.oversized
    ? `records of more than ${MAX_RECORD >> 20} MiB are not put together`
    : undefined;
  const payload: NodePlace = record.compressed
    ? { space: contentsSpace(origin), offset: 0, length: bytes.length }
    : fragments.length === 1
      ? { space, offset: fragments[0].payload, length: bytes.length }
      : {
          space: recordSpace(
            origin,
            fragments.map(({ payload: fileOffset, length }) => ({ fileOffset, length })),
          ),
          offset: 0,
          length: bytes.length,
        };
  const batch =
    problems.length > 0 || unsupported !== undefined
      ? undefined
      : batchNode(bytes, payload, detail, state.timestampSizes);
  const single = fragments.length === 1;
  const headers: Node[] = [];
  // a record that is put together has no more where its blocks are filled
  const left = fragments.length - MOST_FRAGMENTS;
  for (const fragment of fragments.slice(0, MOST_FRAGMENTS))
    headers.push(await fragmentNode(fragment, context, !single || record.compressed));
  if (batch !== undefined && bytes.length >= BATCH_HEADER) state.lastSequence = new Cursor(bytes).u64();
  return {
    name: 'record',
    at: { space, ...origin },
    text: batch?.text ?? `${bytes.length} bytes`,
    ...(batch?.said !== undefined && { said: batch.said }),
    problems,
    unsupported,
    *children() {
      if (single) yield* headers[0].children!() as Iterable<Node>;
      else yield* withGaps(headers, space, context);
      if (left > 0) yield { name: '…', text: `${left} more fragments` };
      // the record says what its batch is
      if (batch !== undefined) yield { ...batch, text: undefined, said: undefined };
    },
  };
}

/** Fragments, and the ends of blocks between them in which no header fits. */
function* withGaps(fragments: readonly Node[], space: Space, { detail }: RecordContext): Generator<Node> {
  let end = fragments[0].at!.offset;
  for (const [i, fragment] of fragments.entries()) {
    if (i === detail.limit) {
      yield more(detail.limit);
      return;
    }
    const at = fragment.at!;
    if (at.offset > end) {
      const length = at.offset - end;
      const text = `end of the block, ${length} bytes`;
      yield {
        name: 'gap',
        gap: true,
        at: { space, offset: end, length },
        text,
        bytes: new Uint8Array(Math.min(length, 16)),
      };
    }
    yield fragment;
    end = at.offset + at.length;
  }
}

export async function fragmentNode(
  { header, payload, length }: Fragment,
  { space, ranges }: Pick<RecordContext, 'space' | 'ranges'>,
  withPayload: boolean,
): Promise<Node> {
  const bytes = await ranges.bytes(header, payload - header);
  const fields = headerFields(bytes, ranges.framing, space, header);
  // a file that shrinks while it is looked at
  const kind = bytes.length < LEGACY_HEADER ? 'cut off' : kindNames[ranges.framing.kinds[bytes[6]]];
  const raw = withPayload ? [await ranges.raw('payload', space, payload, length)] : [];
  return {
    name: 'fragment',
    at: { space, offset: header, length: payload + length - header },
    text: `${kind}, ${length} bytes`,
    children: () => [...fields, ...raw],
  };
}

const kindNames = Object.keys(RecordKind);

/** The header of a physical record. Its checksum has been found to hold. */
export function headerFields(
  bytes: Uint8Array,
  framing: LogDialect,
  space: Space,
  base: number,
  intact = true,
): Node[] {
  const fields = new Fields(space, base, bytes);
  fields.u32('checksum', () => ({ hexDigits: 8, ...(intact && { text: 'valid' }) }));
  fields.u16('length');
  fields.u8('type', (type) => typeName(type, framing));
  if (bytes.length > LEGACY_HEADER) fields.u32('log number');
  return fields.nodes;
}

/** `full`, `recyclable first`. */
function typeName(type: number, { kinds, headerSizes }: LogDialect): string {
  const kind = kindNames[kinds[type]];
  const name = kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return headerSizes[type] === RECYCLABLE_HEADER ? `recyclable ${name}` : name;
}

export async function metadataNode(
  metadata: LogMetadata,
  record: Assembly,
  context: RecordContext,
): Promise<Node> {
  const { space, fragments, state } = context;
  const [fragment] = fragments;
  const payload = record.bytes.slice(record.start, record.end);
  const header = await fragmentNode(fragment, context, false);
  const fields = new Fields(space, fragment.payload, payload);
  const node = (text: string, error: string | undefined): Node => ({
    name: 'record',
    at: header.at,
    text,
    problems: error === undefined ? [] : [error],
    children: () => [...(header.children!() as Iterable<Node>), ...fields.nodes],
  });
  const { value, error } = metadata;
  switch (metadata.kind) {
    case 'compression':
      fields.u32('algorithm', (type) => (type === WAL_ZSTD ? 'zstd' : type === 0 ? 'none' : 'unknown'));
      return node(`compression: ${value === WAL_ZSTD ? 'zstd' : value === 0 ? 'none' : 'undecoded'}`, error);
    case 'timestamp-sizes': {
      state.timestampSizes = metadata.value ?? state.timestampSizes;
      while (fields.remaining > 0) {
        fields.u32('column family');
        fields.u16('bytes of timestamp');
      }
      const sizes = [...(metadata.value ?? [])].map(([id, size]) => `${size} in column family ${id}`);
      return node(`timestamp sizes: ${sizes.join(', ')}`, error);
    }
    case 'predecessor':
      fields.u64('log number');
      fields.u64('size');
      fields.u64('last sequence', (sequence) => (sequence === 0n ? 'no batch' : undefined));
      return node(
        metadata.value === undefined ? 'predecessor' : `predecessor: log ${metadata.value.number}`,
        error,
      );
    default:
      fields.rest('payload');
      return node(`type ${metadata.type}, which readers skip`, undefined);
  }
}
