import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { ReusedBuffer, retire } from '../../src/bytes/reused-buffer.js';

const PATTERN = 0xa5;

describe('in tests', () => {
  test('memory is overwritten when it is taken back', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    retire(bytes);
    expect([...bytes]).toEqual([PATTERN, PATTERN, PATTERN]);
  });

  const code = "process.stdout.write(String(typeof globalThis[Symbol.for('kvdoctor.onRetire')]))";

  test('and in the processes that they start', () => {
    expect(spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' }).stdout).toBe('function');
  });

  test('and in threads', async () => {
    const thread = new Worker(new URL(`data:text/javascript,${code}`), { stdout: true });
    expect((await thread.stdout.toArray()).join('')).toBe('function');
  });
});

describe('a reused buffer', () => {
  test('ends views before when it gives another', () => {
    const buffer = new ReusedBuffer();
    const first = buffer.give(4).fill(1);
    const second = buffer.give(2).fill(2);
    expect([...first]).toEqual([2, 2, PATTERN, PATTERN]);
    buffer.takeBack();
    expect([...second]).toEqual([PATTERN, PATTERN]);
    expect(buffer.give(3)).toHaveLength(3);
  });

  test('keeps what is in it when it grows, and ends views of where it was', () => {
    const buffer = new ReusedBuffer(2);
    const before = buffer.extend(0, 2);
    before.set([7, 8]);
    const grown = buffer.extend(2, 5000, 6000);
    expect([...grown.subarray(0, 2)]).toEqual([7, 8]);
    expect([...before]).toEqual([PATTERN, PATTERN]);
    expect(grown).toHaveLength(5000);
    expect(buffer.extend(2, 5001, 6000)).toHaveLength(6000);
  });
});
