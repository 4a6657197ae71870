import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batch, FIRST, operation, withLog } from '../../bench/limits-inputs.js';
import { kvdoctor } from '../cli/host.js';

/*
 * Values that memtables leave in their logs (from 16 MiB on): what is read again later is what replay met, in order, the newest
 * version of a key and no other.
 */

const PUT = 1;
const DELETE = 0;
const MiB = 1 << 20;

/** Recognizable anywhere, and no text. */
function value(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i += 1) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

const text = Buffer.alloc(17 * MiB, 'ä"');
const expected: Record<string, Uint8Array> = {
  large1: value(18 * MiB, 1),
  large2: text,
  large3: value(3 * MiB, 3),
};

function* batches() {
  let sequence = FIRST;
  const next = (operations: Uint8Array) => batch(sequence++, 1, operations);
  yield next(operation(PUT, 'large2', value(20 * MiB, 7)));
  yield next(operation(PUT, 'large1', expected.large1));
  yield next(operation(PUT, 'large4', value(16 * MiB, 4)));
  yield next(operation(PUT, 'large3', expected.large3));
  yield next(operation(PUT, 'large2', expected.large2));
  yield next(Uint8Array.of(DELETE, 6, ...Buffer.from('large4')));
}

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Line {
  key: { utf8?: string };
  value: { utf8?: string; base64: string };
  type: string;
}

describe.each(['fixtures/basic-7.8', 'fixtures/leveldb'])('large values in a log of %s', (base) => {
  let folder: string;
  let target: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvdoctor-large-'));
    target = join(folder, 'db');
    withLog(target, batches, base);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const linesOf = (file: string) =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .filter((line) => line.includes('"utf8":"large'))
      .map((line) => JSON.parse(line) as Line);

  function check(file: string): void {
    const lines = linesOf(file);
    expect(lines.map(({ key }) => key.utf8)).toEqual(Object.keys(expected));
    for (const {
      key,
      value: { base64 },
      type,
    } of lines) {
      expect(type).toBe('put');
      expect(sha(Buffer.from(base64, 'base64'))).toBe(sha(expected[key.utf8!]));
    }
    expect(lines.find(({ key }) => key.utf8 === 'large2')!.value.utf8).toBe(text.toString());
  }

  it('are exported', async () => {
    const file = join(folder, 'all.ndjson');
    expect((await kvdoctor(`export ${target} --output ${file} --no-progress`)).status).toBe(0);
    check(file);
  });

  it('are exported as a database that is whole and has them', async () => {
    const output = join(folder, 'new');
    const file = join(folder, 'again.ndjson');
    expect((await kvdoctor(`export ${target} --output ${output} --no-progress`)).status).toBe(0);
    expect((await kvdoctor(`scan ${output} --no-progress`)).status).toBe(0);
    expect((await kvdoctor(`export ${output} --output ${file} --no-progress`)).status).toBe(0);
    check(file);
  });

  it('are found', async () => {
    const { status, out } = await kvdoctor(`find --key large1 ${target} --no-progress`);
    expect(status).toBe(0);
    expect(out).toContain('18,874,368 bytes');
  });
});
