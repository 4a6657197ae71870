import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteBuilder } from '../../../src/encode/byte-builder.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import { decodeSubcompactionProgress } from '../../../src/format/manifest/progress.js';
import { edit, table } from '../../support/manifest.js';

const field = (out: ByteBuilder, id: number, value: Uint8Array) => out.varint(id).lengthPrefixed(value);
const number = (value: bigint) => new ByteBuilder().varint(value).finish();

function encoded(): Uint8Array {
  const file = encodeVersionEdit(edit({ newFiles: [table(8, 0xffffffff, 'a', 'm')] }));
  const level = new ByteBuilder();
  field(level, 2, new ByteBuilder().varint(1).lengthPrefixed(file).finish());
  field(level, 3, number(77n)).varint(1);
  const all = new ByteBuilder();
  field(all, 2, Uint8Array.of(1, 2, 3));
  field(all, 0x10007, Uint8Array.of(9));
  field(all, 3, number(1000n));
  field(all, 4, level.finish());
  return all.varint(1).finish();
}

it('decodes keys, counters and output files', () => {
  expect(decodeSubcompactionProgress(encoded())).toMatchObject({
    nextKey: Uint8Array.of(1, 2, 3),
    inputRecords: 1000n,
    outputLevel: { outputRecords: 77n, outputFiles: [{ number: 8n, level: -1 }] },
  });
  expect(decodeSubcompactionProgress(encoded()).problem).toBeUndefined();
});

it('says where it stops, at any cut, and never throws', () => {
  const whole = encoded();
  for (let size = 0; size < whole.length; size++) {
    expect(decodeSubcompactionProgress(whole.subarray(0, size)).problem).toBeDefined();
  }
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeSubcompactionProgress(bytes)));
});
