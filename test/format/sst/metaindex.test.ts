import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMetaindex } from '../../../src/format/sst/metaindex.js';

/** A block of entries without shared prefixes: 0, key length, value length, key, value; one restart at 0. */
function block(...entries: [name: string, value: number[]][]): Uint8Array {
  const parts = entries.map(([name, value]) =>
    Buffer.concat([Buffer.from([0, name.length, value.length]), Buffer.from(name), Buffer.from(value)]),
  );
  return Buffer.concat([...parts, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0])]);
}

describe('a metaindex block', () => {
  it('names what its meta blocks hold and where they lie', () => {
    const { blocks, anomalies } = decodeMetaindex(
      block(['rocksdb.properties', [0x10, 0x20]], ['rocksdb.range_del', [0x40, 0x05]]),
    );
    expect(anomalies).toEqual([]);
    expect(blocks).toMatchObject([
      { kind: 'properties', handle: { offset: 16, size: 32 } },
      { kind: 'range-tombstones', handle: { offset: 64, size: 5 } },
    ]);
  });

  it('says by a field which entry has a handle that does not decode', () => {
    const { blocks, anomalies } = decodeMetaindex(block(['rocksdb.properties', [0x80]]));
    expect(blocks).toEqual([]);
    expect(anomalies).toMatchObject([{ rule: 'sst/bad-handle', evidence: { entry: 'properties' } }]);
  });

  it('reports entries out of order', () => {
    const { anomalies } = decodeMetaindex(block(['b', [1, 1]], ['a', [1, 1]]));
    expect(anomalies).toMatchObject([{ rule: 'sst/bad-metaindex' }]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { blocks, anomalies } = decodeMetaindex(bytes);
        for (const { offset, length } of [...blocks.map(({ entry }) => entry), ...anomalies])
          expect(offset + length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
