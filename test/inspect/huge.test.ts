import { expect, test } from 'vitest';
import type { ByteSource } from '../../src/bytes/source.js';
import { landAt } from '../../src/inspect/at.js';
import { inspectSource } from '../../src/inspect/inspect.js';
import type { Detail } from '../../src/inspect/node.js';
import { plainPalette } from '../../src/report/reporter.js';
import { treeText } from '../../src/report/text/tree.js';
import { physicalRecords } from './logs.js';

const SIZE = 10 * 2 ** 30;
const BLOCK = 32768;

/** A log of 10 GiB that repeats one block, and counts what is read of it. */
class EndlessLog implements ByteSource {
  readonly size = SIZE;
  readonly descriptor = { kind: 'memory', bytes: new Uint8Array(0) } as const;
  bytesRead = 0;
  /** From here on there are zeros. */
  constructor(private readonly zerosFrom = SIZE) {}
  private readonly block = physicalRecords(BLOCK);

  async read(into: Uint8Array, offset: number): Promise<number> {
    const length = Math.min(into.length, this.size - offset);
    for (let at = 0; at < length; ) {
      const from = (offset + at) % BLOCK;
      const part = offset + at >= this.zerosFrom ? new Uint8Array(BLOCK - from) : this.block.subarray(from);
      const taken = part.subarray(0, length - at);
      into.set(taken, at);
      at += taken.length;
    }
    this.bytesRead += length;
    return length;
  }

  async close(): Promise<void> {}
}

async function firstLines(source: ByteSource, detail: Detail, lines: number): Promise<string[]> {
  const { root } = await inspectSource(source, '000007.log', 'wal', detail);
  const settings = { width: 120, palette: plainPalette, size: source.size, hex: true, full: false };
  const shown: string[] = [];
  for await (const piece of treeText(root, settings)) {
    shown.push(...piece.trimEnd().split('\n'));
    if (shown.length >= lines) break;
  }
  return shown;
}

test('the first screen of a log of 10 GiB comes without reading the rest', async () => {
  const source = new EndlessLog();
  const lines = await firstLines(source, { records: true }, 60);
  expect(lines[1]).toContain('record 0x0+');
  expect(source.bytesRead).toBeLessThan(8 * 2 ** 20);
});

test('and where only zeros follow the first records', async () => {
  const source = new EndlessLog(BLOCK);
  const lines = await firstLines(source, {}, 60);
  expect(lines.length).toBeGreaterThanOrEqual(60);
  expect(source.bytesRead).toBeLessThan(8 * 2 ** 20);
});

test('an offset far behind is reached without reading what is before it', async () => {
  const source = new EndlessLog();
  const offset = 9 * 2 ** 30 + 4242;
  const { root } = await inspectSource(source, '000007.log', 'wal', { records: true, near: offset });
  const names: string[] = [];
  const found = await landAt(root, { offset }, source, async (way) => {
    for (let node = way; ; ) {
      names.push(node.name);
      const next = [...((node.children?.() as Iterable<typeof way>) ?? [])];
      if (next.length !== 1) break;
      node = next[0];
    }
  });
  expect(found).toBe(true);
  expect(names.slice(0, 3)).toEqual(['000007.log', 'record', 'batch']);
  expect(source.bytesRead).toBeLessThan(8 * 2 ** 20);
});
