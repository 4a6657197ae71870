import { expect, test } from 'vitest';
import {
  encodeBlobFileFooter,
  encodeBlobFileHeader,
  encodeBlobRecord,
} from '../../../src/encode/blob/blob-file.js';
import { decodeBlobFileFooter } from '../../../src/format/blob/footer.js';
import { decodeBlobFileHeader } from '../../../src/format/blob/header.js';
import { walkBlobFile } from '../../../src/format/blob/walk.js';
import { openSource } from '../../../src/io/source.js';
import { encodeBlobFile } from '../../support/blob-file.js';
import { fixture } from '../../support/files.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('headers and footers are RocksDB’s', () => {
  expect(hex(encodeBlobFileHeader(0, 0))).toBe(`378f240001000000${'00'.repeat(22)}`);
  expect(hex(encodeBlobFileFooter(20))).toBe(`378f24001400000000000000${'00'.repeat(16)}fd271baa`);
  expect(decodeBlobFileHeader(encodeBlobFileHeader(7, 4)).header).toMatchObject({
    columnFamily: 7,
    compression: 4,
  });
});

test('a record with an expiration keeps it', () => {
  const record = encodeBlobRecord({ key: Buffer.from('k'), value: Buffer.from('v'), expiration: 5n });
  expect(record.length).toBe(34);
  expect(record[16]).toBe(5);
});

test.each(['blob-7.8', 'blob-zstd-7.8'])(
  '%s: what is decoded and encoded again is the file that RocksDB wrote',
  async (name) => {
    const bytes = fixture(name).get('000013.blob')!;
    const end = bytes.length - 32;
    const records: { key: Uint8Array; value: Uint8Array }[] = [];
    for await (const span of walkBlobFile(await openSource({ kind: 'memory', bytes }), {
      end,
      contents: true,
    })) {
      if (span.kind !== 'record') throw new Error(`${span.kind} at ${span.offset}`);
      records.push({ key: Uint8Array.from(span.key!), value: Uint8Array.from(span.value!) });
    }
    const { columnFamily, compression } = decodeBlobFileHeader(bytes).header!;
    expect(records.length).toBe(decodeBlobFileFooter(bytes, end).recordCount);
    expect(hex(encodeBlobFile(columnFamily, compression, records))).toBe(hex(bytes));
  },
);
