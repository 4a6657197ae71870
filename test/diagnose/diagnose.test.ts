import { describe, expect, test } from 'vitest';
import type { ByteSource } from '../../src/bytes/source.js';
import { checkWal } from '../../src/check/wal/wal.js';
import { diagnoseUnit } from '../../src/diagnose/diagnose.js';
import { encodeBatch } from '../../src/encode/batch/encode.js';
import { LogWriter } from '../../src/encode/log/writer.js';
import { openSource } from '../../src/io/source.js';
import { Random } from '../mutation/random.js';

const context = {
  dialect: 'rocksdb',
  file: '000012.log',
  number: 12n,
  depth: 'full',
  recycling: false,
} as const;
const RECORDS = 60;

/** Sixty batches of one put, each of the same length, and where the last of them ends. */
function log(): { bytes: Uint8Array; recordLength: number } {
  const writer = new LogWriter({ number: 12n });
  const value = new Random(1).bytes(40);
  const records = Array.from({ length: RECORDS }, (_, i) =>
    writer.record(
      encodeBatch({
        sequence: BigInt(i + 1),
        ops: [{ kind: 'put', columnFamily: 0, key: Uint8Array.of(0x61, i), value }],
      }),
    ),
  );
  return { bytes: Uint8Array.from(Buffer.concat(records)), recordLength: records[0].length };
}

async function diagnosed(bytes: Uint8Array, wrap = (source: ByteSource) => source) {
  const source = await openSource({ kind: 'memory', bytes });
  const result = await checkWal(source, context);
  await diagnoseUnit(wrap(source), { kind: 'wal', context }, result);
  return result.findings;
}

describe('the causes of what one file has', () => {
  test('of a healthy file: none', async () => {
    expect(await diagnosed(log().bytes)).toEqual([]);
  });

  test('each flipped bit of many is named', async () => {
    const { bytes, recordLength } = log();
    const flips = Array.from({ length: 20 }, (_, i) => ({
      offset: (3 * i + 1) * recordLength + 30,
      bit: i % 8,
    }));
    for (const { offset, bit } of flips) bytes[offset] ^= 1 << bit;
    const findings = await diagnosed(bytes);
    expect(findings.map(({ cause }) => cause?.changes)).toEqual(flips.map((flip) => [flip]));
    expect(findings.every(({ cause }) => cause?.certainty === 'proven' && cause.restores)).toBe(true);
  });

  test('in noise the search gives up, and says how much it has not looked at', async () => {
    const { bytes, recordLength } = log();
    const random = new Random(2);
    // every other record keeps its header, so that each is a finding of its own
    for (let i = 1; i < RECORDS; i += 2) bytes.set(random.bytes(recordLength - 30), i * recordLength + 20);
    const findings = await diagnosed(bytes);
    expect(findings.length).toBe(RECORDS / 2);
    expect(findings.filter(({ cause }) => cause !== undefined).length).toBe(16);
    expect(findings.filter(({ cause }) => cause?.certainty === 'proven')).toEqual([]);
    const counts = findings.flatMap(({ evidence }) => evidence.findingsWithoutCause ?? []);
    expect(counts).toEqual([RECORDS / 2 - 16]);
  });

  test('a medium that fails leaves findings as they are', async () => {
    const { bytes } = log();
    bytes[30] ^= 1;
    const failing = (source: ByteSource): ByteSource => ({
      size: source.size,
      descriptor: source.descriptor,
      read: async () => {
        throw Object.assign(new Error('the disk does not answer'), { code: 'EIO' });
      },
      close: async () => {},
    });
    const findings = await diagnosed(bytes, failing);
    expect(findings.map(({ rule, cause }) => `${rule} ${cause}`)).toEqual([
      'wal/checksum-mismatch undefined',
    ]);
  });
});
