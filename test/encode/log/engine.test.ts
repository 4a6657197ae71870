import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { LogWriter } from '../../../src/encode/log/writer.js';
import { engineAvailable, runEngine } from '../../support/engine.js';

/** Sizes that make records of one, two and several fragments, and some that end near the end of a block. */
const VALUES = [10, 40_000, 100, 24_800, 32_700, 5, 200_000, 1, 65_000, 9];

const value = (i: number, length: number) => new Uint8Array(length).fill(0x41 + i);

const batches = VALUES.map((length, i) =>
  encodeBatch({
    sequence: BigInt(i + 1),
    ops: [{ kind: 'put', columnFamily: 0, key: Buffer.from(`key${i}`), value: value(i, length) }],
  }),
);

let dir = '';
let log = '';

/** A database whose process was killed, with a WAL to write over. */
beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-'));
  const options = { createIfMissing: true };
  await runEngine('rocksdb-9.7', dir, {
    options,
    steps: [{ op: 'put', key: 'x', value: 'y' }, { op: 'kill' }],
  });
  log = fs.readdirSync(dir).find((name) => name.endsWith('.log'))!;
});

afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

describe.skipIf(!engineAvailable('rocksdb-9.7'))('RocksDB 9.7 replays what the writer writes', () => {
  test.each([
    ['legacy headers', false, false],
    ['recyclable headers', true, false],
    ['stored ZSTD frames', false, true],
    ['stored ZSTD frames after recyclable headers', true, true],
  ])('%s', async (_name, recyclable, compressed) => {
    const writer = new LogWriter({ number: BigInt(Number.parseInt(log, 10)), recyclable });
    const parts = compressed ? [writer.compression()] : [];
    parts.push(...batches.map((batch) => writer.record(batch)));
    fs.writeFileSync(path.join(dir, log), Buffer.concat(parts));
    const report = await runEngine('rocksdb-9.7', dir, { steps: [{ op: 'iterate' }] });
    expect(report.error).toBeUndefined();
    const entries = report.results[0] as [string, string][];
    expect(entries.map(([key, bytes]) => [atob(key), Buffer.from(bytes, 'base64').length])).toEqual(
      VALUES.map((length, i) => [`key${i}`, length]),
    );
    for (const [i, [, bytes]] of entries.entries())
      expect(Buffer.from(bytes, 'base64').equals(value(i, VALUES[i]))).toBe(true);
  });
});
