import { maskCrc } from '../bytes/crc32c.js';
import { hex32 } from '../bytes/hexdump.js';
import type { ByteSource } from '../bytes/source.js';
import { closingOf } from '../check/blob/closing.js';
import { decodeBlobFileHeader } from '../format/blob/header.js';
import { BLOB } from '../format/blob/layout.js';
import type { BlobRecordHeader } from '../format/blob/record.js';
import { type BlobSpan, walkBlobFile } from '../format/blob/walk.js';
import { Fields } from './fields.js';
import { type Detail, fileSpace, more, type Node, type Space } from './node.js';
import { RangeReader } from './read-at.js';
import { compressionName } from './values.js';

/** Bytes of a value that are shown. */
const SHOWN = 4096;

/** A blob file: header, records, footer, and what lies between them. */
export async function* blobNodes(source: ByteSource, detail: Detail): AsyncGenerator<Node> {
  const space = fileSpace(source.size);
  const ranges = new RangeReader(source);
  const head = await ranges.bytes(0, BLOB.headerLength);
  const { header, anomalies } = decodeBlobFileHeader(head);
  yield headerNode(
    head,
    space,
    anomalies.map(({ message }) => message),
  );
  if (header === undefined) return;
  const closing = await closingOf(source, undefined);
  const expiring = (header.flags & BLOB.hasTtl) !== 0;
  let taken = 0;
  for await (const span of walkBlobFile(source, { end: closing.end, contents: true, expiring })) {
    if (detail.near !== undefined && span.offset + span.length <= detail.near) continue;
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      break;
    }
    yield await spanNode(ranges, space, span);
  }
  if (closing.end < source.size) yield await footer(ranges, space, closing.end);
}

function headerNode(bytes: Uint8Array, space: Space, problems: string[]): Node {
  const fields = new Fields(space, 0, bytes);
  fields.u32('magic', () => ({ hexDigits: 8 }));
  fields.u32('version');
  fields.u32('column family');
  fields.u8('flags', (flags) => ((flags & BLOB.hasTtl) === 0 ? undefined : 'values expire'));
  fields.u8('compression', compressionName);
  fields.u64('earliest expiration');
  fields.u64('latest expiration');
  return {
    name: 'header',
    at: { space, offset: 0, length: bytes.length },
    problems,
    children: () => fields.nodes,
  };
}

async function spanNode(ranges: RangeReader, space: Space, span: BlobSpan): Promise<Node> {
  const { offset, length, header } = span;
  const at = { space, offset, length };
  if (span.kind !== 'record' || header === undefined) {
    const problem =
      span.kind === 'cut'
        ? 'the file ends inside the record'
        : 'the record header does not match its checksum';
    const headerLength = Math.min(BLOB.recordHeaderLength, length);
    const fields = recordHeader(await ranges.bytes(offset, headerLength), space, offset, header);
    const rest = length - headerLength;
    const raw = rest > 0 ? [await ranges.raw('bytes', space, offset + headerLength, rest)] : [];
    return { name: 'damaged record', at, problems: [problem], children: () => [...fields, ...raw] };
  }
  const { keyLength, valueLength, blobCrc } = header;
  const fields = recordHeader(await ranges.bytes(offset, BLOB.recordHeaderLength), space, offset, header);
  const intact = span.computedBlobCrc === blobCrc;
  const problems = intact ? [] : ['key and value do not match their checksum'];
  if (intact) fields[4] = { ...fields[4], text: 'valid' };
  else if (span.computedBlobCrc !== undefined) {
    const computed = [`CRC of key and value is ${hex32(maskCrc(span.computedBlobCrc))}`];
    fields[4] = { ...fields[4], problems: computed };
  }
  const keyAt = offset + BLOB.recordHeaderLength;
  const key = span.key ?? (await ranges.bytes(keyAt, Math.min(keyLength, SHOWN)));
  const value = span.value ?? (await ranges.bytes(keyAt + keyLength, Math.min(valueLength, SHOWN)));
  return {
    name: 'record',
    at,
    text: [key, ' = ', value],
    problems,
    children: () => [
      ...fields,
      { name: 'key', at: { space, offset: keyAt, length: keyLength }, value: key, bytes: key },
      {
        name: 'value',
        at: { space, offset: keyAt + keyLength, length: valueLength },
        value,
        bytes: value,
      },
    ],
  };
}

function recordHeader(bytes: Uint8Array, space: Space, base: number, header?: BlobRecordHeader): Node[] {
  const fields = new Fields(space, base, bytes);
  fields.u64('key length');
  fields.u64('value length');
  fields.u64('expiration');
  fields.u32('header checksum', () => {
    if (header === undefined) return { hexDigits: 8 };
    return header.headerCrc === header.computedHeaderCrc
      ? { hexDigits: 8, text: 'valid' }
      : { hexDigits: 8, problems: [`computed ${hex32(maskCrc(header.computedHeaderCrc))}`] };
  });
  fields.u32('blob checksum', () => ({ hexDigits: 8 }));
  return fields.nodes;
}

/** The footer, which has been found intact at the end of the file. */
async function footer(ranges: RangeReader, space: Space, offset: number): Promise<Node> {
  const bytes = await ranges.bytes(offset, BLOB.footerLength);
  const fields = new Fields(space, offset, bytes);
  fields.u32('magic', () => ({ hexDigits: 8 }));
  const records = fields.u64('record count');
  fields.u64('earliest expiration');
  fields.u64('latest expiration');
  fields.u32('checksum', () => ({ hexDigits: 8, text: 'valid' }));
  return {
    name: 'footer',
    at: { space, offset, length: bytes.length },
    text: `${records} records`,
    children: () => fields.nodes,
  };
}
