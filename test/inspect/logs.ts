import { encodeBatch } from '../../src/encode/batch/encode.js';
import { encodePhysical } from '../../src/encode/log/writer.js';
import { RecordType } from '../../src/format/log/types.js';

/** A block of whole records, each with one put, that it holds exactly. */
export function physicalRecords(size: number): Uint8Array {
  const block = new Uint8Array(size);
  const count = 16;
  for (let i = 0, at = 0; i < count; i++, at += size / count) {
    const key = Buffer.from(`key:${String(i).padStart(4, '0')}`);
    const put = { kind: 'put', columnFamily: 0, key } as const;
    const room = size / count - 7;
    const empty = encodeBatch({ sequence: BigInt(i), ops: [{ ...put, value: new Uint8Array(room - 32) }] });
    const value = new Uint8Array(room - 32 + room - empty.length).fill(0x76);
    block.set(
      encodePhysical(RecordType.full, encodeBatch({ sequence: BigInt(i), ops: [{ ...put, value }] })),
      at,
    );
  }
  return block;
}
