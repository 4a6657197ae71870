import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntity } from '../../../src/format/batch/entity.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/[\s|]/g, ''), 'hex'));
const columns = (hex: string) =>
  decodeEntity(bytes(hex)).columns.map(
    ({ name, value, blobIndex }) =>
      `${Buffer.from(name)}=${Buffer.from(value)}${blobIndex ? ' (blob index)' : ''}`,
  );

test('version 1, as RocksDB 7.8 and 11.9 write it', () => {
  expect(columns('01 02 00 02 026331 01|6476 78')).toEqual(['=dv', 'c1=x']);
});

test('version 2 keeps sizes, names and values apart', () => {
  expect(columns('02 02 02 02 02|01 11|00 02|02 01|6331|6476 78')).toEqual(['=dv', 'c1=x (blob index)']);
});

test.each([
  ['no version', '', 'The entity has no version'],
  ['unknown version', '03 00', 'Version 3 of wide-column entities is unknown'],
  ['names that do not ascend', '01 02 0162 00 0161 00', 'Wide columns out of order'],
  ['the same name twice', '01 02 0161 00 0161 00', 'Wide columns out of order'],
  ['a value that is cut off', '01 01 00 05 6476', 'Column 0 has 5 bytes of value, 2 are there'],
  ['bytes after the last value', '01 01 00 01 6476', '1 bytes after the last column'],
  ['more columns than bytes', '01 ffffffff0f 00', 'The index of 4294967295 columns ends in column 0'],
  ['a type that does not exist', '02 01 01 01 00|07|00|00', 'Column 0 has type 7, which does not exist'],
])('%s', (_name, hex, message) => {
  expect(decodeEntity(bytes(hex)).anomalies.map((anomaly) => anomaly.message)).toEqual([message]);
});

test('no bytes make it throw, and anomalies lie inside them', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 60 }), (version, rest) => {
      const input = new Uint8Array([version, ...rest]);
      for (const { offset, length } of decodeEntity(input).anomalies) {
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset + length).toBeLessThanOrEqual(input.length);
      }
    }),
    { numRuns: 2000 },
  );
});
