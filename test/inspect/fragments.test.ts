import { describe, expect, test } from 'vitest';
import { encodePhysical, LogWriter } from '../../src/encode/log/writer.js';
import { RecordType } from '../../src/format/log/types.js';
import { inspectSource } from '../../src/inspect/inspect.js';
import type { Node } from '../../src/inspect/node.js';
import { openSource } from '../../src/io/source.js';

/** Bytes in which no fragment looks like another. */
const payload = Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * 2654435761) >>> 24);
const KINDS = ['zero', 'full', 'first', 'middle', 'last', 'full', 'first', 'middle', 'last'];

function* nodesOf(nodes: Iterable<Node>): Generator<Node> {
  for (const node of nodes) {
    yield node;
    if (node.children !== undefined) yield* nodesOf(node.children());
  }
}

describe.each([
  { recyclable: false, compressed: false },
  { recyclable: true, compressed: false },
  { recyclable: false, compressed: true },
])('the fragments of records that several reads bring in, %o', (options) => {
  test('are called what their headers say', async () => {
    const writer = new LogWriter({ ...options, compressed: false, number: 7n });
    const records = [0, 1, 2].map((i) => payload.subarray(i * 400_000));
    const bytes = Buffer.concat([
      ...(options.compressed ? [writer.compression()] : []),
      ...records.map((record) => writer.record(record)),
    ]);
    const source = await openSource({ kind: 'memory', bytes });
    const { root } = await inspectSource(source, '000007.log', 'wal', {});
    let fragments = 0;
    for await (const record of root.children()) {
      for (const { name, at, text, children } of nodesOf([record])) {
        if (name !== 'fragment') continue;
        fragments++;
        const { offset } = at!;
        const length = bytes.readUInt16LE(offset + 4);
        expect(text).toBe(`${KINDS[bytes[offset + 6]]}, ${length} bytes`);
        const raw = [...children!()].find((child) => child.name === 'payload');
        const start = raw?.at?.offset ?? 0;
        if (raw !== undefined) expect(raw.bytes).toEqual(bytes.subarray(start, start + raw.bytes!.length));
      }
    }
    expect(fragments).toBeGreaterThan(100);
  });
});

test('fragments beyond those that a record of the largest size has are counted, not shown', async () => {
  const COUNT = 9_000;
  const one = (type: number) => encodePhysical(type, Uint8Array.of(0));
  const fragments = Array.from({ length: COUNT }, (_, i) =>
    one(i === 0 ? RecordType.first : i === COUNT - 1 ? RecordType.last : RecordType.middle),
  );
  const bytes = Buffer.concat(fragments);
  const { root } = await inspectSource(await openSource({ kind: 'memory', bytes }), '000007.log', 'wal', {});
  for await (const record of root.children()) {
    const children = [...record.children!()];
    const shown = children.filter(({ name }) => name === 'fragment').length;
    expect(shown).toBe(8226);
    expect(children.find(({ name }) => name === '…')?.text).toBe(`${COUNT - shown} more fragments`);
    return;
  }
  expect.unreachable();
});
