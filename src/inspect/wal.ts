import { maskCrc } from '../bytes/crc32c.js';
import { Cursor } from '../bytes/cursor.js';
import { hex32 } from '../bytes/hexdump.js';
import type { ByteSource } from '../bytes/source.js';
import { damageFinding } from '../check/wal/damage.js';
import type { LogState } from '../check/wal/plausible.js';
import { judgeTail } from '../check/wal/tail.js';
import { loadCodecs } from '../codec/block.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import type { Assembly } from '../format/wal/assembly.js';
import type { Damage, Tail } from '../format/wal/damage.js';
import {
  decodeCompression,
  decodePredecessor,
  decodeTimestampSizes,
  WAL_ZSTD,
} from '../format/wal/metadata.js';
import { WalEvent, WalParser } from '../format/wal/parser.js';
import { checksumHolds, decodePhysicalHeader } from '../format/wal/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, RECYCLABLE_HEADER, RecordKind, rocksdbWal } from '../format/wal/types.js';
import { batchNode } from './batch.js';
import { Fields } from './fields.js';
import {
  contentsSpace,
  type Detail,
  fileSpace,
  more,
  type Node,
  type Place,
  recordSpace,
  type Space,
} from './node.js';
import { Reach } from './reach.js';
import { logBegin, OffsetSource } from './seek-log.js';

/** What the log has said of itself so far. */
interface Said {
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

export interface WalInspection {
  source: ByteSource;
  /** From the file's name; recyclable records carry it. */
  number?: bigint;
  detail: Detail;
}

/**
 * A write-ahead log: its records front to back, gaps and damage between them. Each is made when it is asked for; nothing of
 * the rest of the file has been read then.
 */
export async function* walNodes({ source, number, detail }: WalInspection): AsyncGenerator<Node> {
  await loadCodecs();
  const reach = new Reach(source);
  const space = fileSpace(source.size);
  const begin =
    detail.near === undefined ? { offset: 0, compressed: false } : await logBegin(reach, detail.near);
  const parser = new WalParser(new OffsetSource(source, begin.offset), { number });
  const shift = begin.offset;
  parser.compressed = begin.compressed;
  const state: Said = {};
  let position = shift;
  let taken = 0;
  await parser.load();
  for (;;) {
    const event = parser.step();
    if (event === WalEvent.more) {
      await parser.load();
      continue;
    }
    if (event === WalEvent.end) {
      const log = { style: parser.style, compressed: parser.compressed, ...state };
      const logNumber = Number(BigInt.asUintN(32, number ?? 0n));
      yield* endOfLog(reach, space, position, shiftedTail(parser.tail!, shift), { ...log, logNumber });
      return;
    }
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      return;
    }
    if (event === WalEvent.damage) {
      const damage = shifted(parser.damage!, shift);
      yield* between(reach, space, position, damage.offset);
      yield await damageNode(reach, space, damage);
      position = Math.max(position, damage.offset + damage.length);
      continue;
    }
    const { record } = parser;
    const fragments = await fragmentsOf(reach, record, parser.style === 'recyclable', shift);
    const offset = record.offset + shift;
    const end = record.endOffset + shift;
    yield* between(reach, space, position, offset);
    const about = { space, reach, fragments, detail, state };
    if (event === WalEvent.record) yield await recordNode(record, offset, end, about);
    else yield await metadataNode(parser, record, about);
    position = end;
  }
}

function shifted(damage: Damage, shift: number): Damage {
  const { recordOffset } = damage;
  return {
    ...damage,
    offset: damage.offset + shift,
    ...(recordOffset !== undefined && { recordOffset: recordOffset + shift }),
  };
}

function shiftedTail(tail: Tail, shift: number): Tail {
  const { damage, oldRecord } = tail;
  return {
    ...tail,
    offset: tail.offset + shift,
    ...(damage && { damage: shifted(damage, shift) }),
    ...(oldRecord && { oldRecord: { ...oldRecord, offset: oldRecord.offset + shift } }),
  };
}

/** Where the fragments' headers are: the type before the payload tells which of the two forms stands there. */
async function fragmentsOf(
  reach: Reach,
  record: Assembly,
  recyclable: boolean,
  shift: number,
): Promise<Fragment[]> {
  const fragments: Fragment[] = [];
  const remembered = Math.min(record.fragments, record.payloadOffsets.length);
  for (let i = 0; i < remembered; i++) {
    const payload = record.payloadOffsets[i] + shift;
    const length = record.payloadLengths[i];
    const before = await reach.bytes(
      Math.max(0, payload - RECYCLABLE_HEADER),
      Math.min(payload, RECYCLABLE_HEADER),
    );
    const fits = (size: number) => {
      const at = before.length - size;
      return (
        at >= 0 &&
        rocksdbWal.headerSizes[before[at + 6]] === size &&
        (before[at + 4] | (before[at + 5] << 8)) === length
      );
    };
    const sizes = recyclable ? [RECYCLABLE_HEADER, LEGACY_HEADER] : [LEGACY_HEADER, RECYCLABLE_HEADER];
    fragments.push({ header: payload - (sizes.find(fits) ?? sizes[0]), payload, length });
  }
  return fragments;
}

/**
 * What stands between two things: zeros at the end of a block in which no header fits, and fragments that lost their record
 * to damage before or behind them.
 */
async function* between(reach: Reach, space: Space, from: number, to: number): AsyncGenerator<Node> {
  let start = from;
  for (let at = from; at < to; ) {
    const left = Math.min(BLOCK_SIZE - (at % BLOCK_SIZE), to - at);
    const bytes = await reach.bytes(at, left);
    const header = decodePhysicalHeader(bytes, 0, bytes.length, rocksdbWal);
    const end = header === undefined ? 0 : header.headerSize + header.length;
    const whole = end > 0 && end <= bytes.length && header?.kind !== 'zero' && checksumHolds(bytes, 0, end);
    if (whole) {
      if (at > start) yield await gapNode(reach, space, start, at);
      const fragment = { header: at, payload: at + header!.headerSize, length: header!.length };
      const node = await fragmentNode(fragment, { space, reach }, true);
      yield { ...node, name: 'lost fragment' };
      start = at + end;
    }
    at += whole ? end : left;
  }
  if (start < to) yield await gapNode(reach, space, start, to);
}

function gapNode(reach: Reach, space: Space, from: number, to: number): Promise<Node> {
  const endsBlock = to % BLOCK_SIZE === 0 && to - from < RECYCLABLE_HEADER;
  return reach.gap(space, from, to - from, endsBlock ? 'end of the block' : '');
}

interface RecordContext {
  space: Space;
  reach: Reach;
  fragments: readonly Fragment[];
  detail: Detail;
  state: Said;
}

async function recordNode(
  record: Assembly,
  offset: number,
  end: number,
  context: RecordContext,
): Promise<Node> {
  const { space, fragments, detail, state } = context;
  const origin = { offset, length: end - offset };
  const bytes = record.bytes.subarray(record.start, record.end);
  const problems: string[] = [];
  if (record.decompressionError !== undefined)
    problems.push(`it does not decompress: ${record.decompressionError}`);
  const unsupported = record.oversized ? 'records of more than 64 MiB are not put together' : undefined;
  const payload: Place = record.compressed
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
  const headers = await Promise.all(
    fragments.map((fragment) => fragmentNode(fragment, context, !single || record.compressed)),
  );
  if (batch !== undefined && bytes.length >= BATCH_HEADER) state.lastSequence = new Cursor(bytes).u64();
  return {
    name: 'record',
    at: { space, ...origin },
    text: batch?.text ?? `${bytes.length} bytes`,
    problems,
    unsupported,
    *children() {
      if (single) yield* headers[0].children!() as Iterable<Node>;
      else yield* withGaps(headers, space, context);
      // the record says what its batch is
      if (batch !== undefined) yield { ...batch, text: undefined };
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

async function fragmentNode(
  { header, payload, length }: Fragment,
  { space, reach }: Pick<RecordContext, 'space' | 'reach'>,
  withPayload: boolean,
): Promise<Node> {
  const bytes = await reach.bytes(header, payload - header);
  const fields = headerFields(bytes, space, header);
  const kind = kindNames[rocksdbWal.kinds[bytes[6]]];
  const raw = withPayload ? [await reach.raw('payload', space, payload, length)] : [];
  return {
    name: 'fragment',
    at: { space, offset: header, length: payload + length - header },
    text: `${kind}, ${length} bytes`,
    children: () => [...fields, ...raw],
  };
}

const kindNames = Object.keys(RecordKind);

/** The header of a physical record. Its checksum has been found to hold. */
export function headerFields(bytes: Uint8Array, space: Space, base: number, intact = true): Node[] {
  const fields = new Fields(space, base, bytes);
  fields.u32('checksum', () => ({ hexDigits: 8, ...(intact && { text: 'valid' }) }));
  fields.u16('length');
  fields.u8('type', (type) => typeName(type));
  if (bytes.length > LEGACY_HEADER) fields.u32('log number');
  return fields.nodes;
}

/** `full`, `recyclable first`. */
function typeName(type: number): string {
  const kind = kindNames[rocksdbWal.kinds[type]];
  const name = kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return rocksdbWal.headerSizes[type] === RECYCLABLE_HEADER ? `recyclable ${name}` : name;
}

async function metadataNode(parser: WalParser, record: Assembly, context: RecordContext): Promise<Node> {
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
  switch (parser.metadataKind) {
    case RecordKind.compression: {
      const { value, error } = decodeCompression(payload);
      parser.compressed = value === WAL_ZSTD;
      fields.u32('algorithm', (type) => (type === WAL_ZSTD ? 'zstd' : type === 0 ? 'none' : 'unknown'));
      return node(`compression: ${value === WAL_ZSTD ? 'zstd' : value === 0 ? 'none' : 'undecoded'}`, error);
    }
    case RecordKind.timestampSizes: {
      const { value, error } = decodeTimestampSizes(payload, state.timestampSizes ?? new Map());
      state.timestampSizes = value ?? state.timestampSizes;
      while (fields.remaining > 0) {
        fields.u32('column family');
        fields.u16('bytes of timestamp');
      }
      const sizes = [...(value ?? [])].map(([id, size]) => `${size} in column family ${id}`);
      return node(`timestamp sizes: ${sizes.join(', ')}`, error);
    }
    case RecordKind.predecessor: {
      const { value, error } = decodePredecessor(payload);
      fields.u64('log number');
      fields.u64('size');
      fields.u64('last sequence', (sequence) => (sequence === 0n ? 'no batch' : undefined));
      const text = value === undefined ? 'predecessor' : `predecessor: log ${value.number}`;
      return node(text, error);
    }
    default:
      fields.rest('payload');
      return node(`type ${parser.metadataType}, which readers skip`, undefined);
  }
}

async function damageNode(reach: Reach, space: Space, damage: Damage): Promise<Node> {
  const { offset, length, header } = damage;
  const size = Math.min(header?.headerSize ?? 0, length);
  const fields =
    size === 0
      ? []
      : headerFields(await reach.bytes(offset, size), space, offset, damage.reason === 'trailer');
  if (damage.computedCrc !== undefined && fields.length > 0 && damage.reason === 'checksum') {
    const stored = fields[0];
    fields[0] = { ...stored, problems: [`computed ${hex32(maskCrc(damage.computedCrc))}`] };
  }
  const rest = length > size ? [await reach.raw('bytes', space, offset + size, length - size)] : [];
  return {
    name: damage.reason === 'zeros' || damage.reason === 'trailer' ? 'gap' : 'damaged record',
    ...(damage.reason === 'zeros' && { gap: true as const }),
    at: { space, offset, length },
    problems: [(await damageFinding(reach.source, '', damage)).message],
    children: () => [...fields, ...rest],
  };
}

/** What is behind the last whole record. */
async function* endOfLog(
  reach: Reach,
  space: Space,
  position: number,
  tail: Tail,
  log: LogState,
): AsyncGenerator<Node> {
  const { offset, length, damage } = tail;
  yield* between(reach, space, position, offset);
  if (length === 0 || tail.kind === 'clean') return;
  const { tail: verdict, finding } = await judgeTail(reach.source, '', tail, log);
  const remains = verdict === 'zero-fill' || verdict === 'recycled';
  const size = remains ? 0 : Math.min(damage?.header?.headerSize ?? 0, length);
  const fields = size === 0 ? [] : headerFields(await reach.bytes(offset, size), space, offset, false);
  const raw = length > size ? [await reach.raw('bytes', space, offset + size, length - size)] : [];
  const message = finding?.message ?? '';
  yield {
    name: remains ? 'gap' : 'damaged record',
    at: { space, offset, length },
    ...(finding?.severity === 'note' ? { text: message } : { problems: [message] }),
    ...(remains && { gap: true as const }),
    children: () => [...fields, ...raw],
  };
}
