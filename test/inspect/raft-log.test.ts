import { describe, expect, it } from 'vitest';
import { inspectBytes } from '../../src/inspect/inspect.js';
import type { Node, Words } from '../../src/inspect/node.js';
import { fixture } from '../support/files.js';

const said = (text: Words = '') =>
  (typeof text === 'string' ? [text] : text)
    .map((part) => (typeof part === 'string' ? part : Buffer.from(part).toString('hex')))
    .join('');

async function nodesOf(name: string, bytes: Uint8Array): Promise<Node[]> {
  const { root, close } = await inspectBytes(bytes, 'raft-log', { records: true }, name);
  const nodes: Node[] = [];
  for await (const node of root.children()) nodes.push(node);
  await close();
  return nodes;
}

const name = '0000000000000002.raftlog';
const whole = fixture('raft-engine/plain').get(name)!;

describe('a raft log', () => {
  it('is a header and batches, end to end', async () => {
    const nodes = await nodesOf(name, whole);
    let end = 0;
    for (const { at } of nodes) {
      expect(at!.offset).toBe(end);
      end = at!.offset + at!.length;
    }
    expect(end).toBe(whole.length);
    expect(said(nodes[1].text)).toBe('region 2: entries 13 to 15; region 2: 52 = 0a0608061001180d100f');
    expect([...nodes[1].children!()].map((node) => node.name)).toEqual([
      'batch header',
      'entries',
      'entries',
      'put',
    ]);
  });

  it('says where it stops making sense, and not of what a killed process leaves', async () => {
    const damaged = Uint8Array.from(whole);
    damaged[900] ^= 8;
    const last = (await nodesOf(name, damaged)).at(-1)!;
    expect(last.at).toMatchObject({ offset: 773 });
    expect(last.problems).toEqual(['a batch whose checksum does not match']);
    for (const [file, bytes] of fixture('raft-engine/recycled')) {
      const nodes = await nodesOf(file, bytes);
      expect(nodes.flatMap(({ problems = [] }) => problems)).toEqual([]);
    }
  });
});
