import { describe, expect, it } from 'vitest';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { decodeBlobIndex } from '../../../src/format/blob/blob-index.js';

// kind 1, file 300, offset 4096, size 70: what Titan puts into tables, and its garbage collection into batches
const index = Uint8Array.of(1, 0xac, 0x02, 0x80, 0x20, 70);

describe('a blob index of Titan', () => {
  it('is told by the byte of compression that it lacks', () => {
    expect(decodeBlobIndex(index)).toEqual({ kind: 'titan', fileNumber: 300n, offset: 4096n, size: 70n });
    expect(decodeBlobIndex(Uint8Array.of(...index, 4))).toMatchObject({ kind: 'blob', compression: 4 });
    expect(decodeBlobIndex(index.subarray(0, 5)).kind).toBe('malformed');
  });

  it('is no damage in a batch', () => {
    const key = Uint8Array.of(0x6b);
    const batch = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x11, 1, ...key, index.length, ...index);
    expect(decodeBatch(batch).anomalies).toEqual([]);
  });
});
