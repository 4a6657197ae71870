import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsOfView } from '../../../../src/app/facts.js';
import { checkKvrocks } from '../../../../src/app/kvrocks/check/check.js';
import { checkReplicationIds } from '../../../../src/app/kvrocks/check/replication-ids.js';
import { kvrocksLayout } from '../../../../src/app/kvrocks/layout.js';
import type { BatchOpInput } from '../../../../src/encode/batch/encode.js';
import { readDatabase } from '../../../../src/engine/database.js';
import type { Finding } from '../../../../src/finding/finding.js';
import { kvrocksRules } from '../../../../src/finding/rules/kvrocks.js';
import { openView } from '../../../../src/lsm/recovered-view.js';
import { withDatabase } from '../../../support/database.js';
import { fixtureNames, withTemporaryDirectory } from '../../../support/files.js';
import {
  bitmap,
  bloom,
  del,
  element,
  elementKey,
  hash,
  hyperLogLog,
  indexed,
  json,
  list,
  listElement,
  listFields,
  log,
  metadata,
  metadataKey,
  ownSlot,
  put,
  score,
  set,
  sortedIntegers,
  sortedSet,
  stream,
  streamConsumer,
  streamGroup,
  streamPart,
  streamPending,
  string,
  TYPE,
  u64,
  withKvrocks,
} from '../../../support/kvrocks.js';
import { leaksOf } from '../../../support/leaks.js';
import { inRepository } from '../../../support/repository.js';

async function check(dir: string, budget?: number): Promise<Finding[]> {
  const { view } = await openView(await readDatabase(dir));
  const layout = await kvrocksLayout(factsOfView(view!));
  const findings: Finding[] = [];
  await checkKvrocks(view!, layout!, (finding) => findings.push(finding), { ...(budget && { budget }) });
  expect(await leaksOf(findings, view!, 'kvrocks')).toEqual([]);
  view!.close();
  return findings;
}

const bits = (...bytes: number[]) => Uint8Array.from(bytes);

/** One key of each kind, all of them whole. */
const whole: BatchOpInput[] = [
  string('s', 'text'),
  json('doc', '{"a":[1,2]}'),
  json('cbor', bits(0xa1, 0x61, 0x61, 0x82, 0x01, 0xf9, 0x3c, 0x00), 1),
  ...hash('h', { a: '1', b: '2' }),
  ...hash('h:old', { a: '1' }, { narrow: true }),
  ...set('set', ['x', 'y', 'z']),
  ...sortedSet('z', { one: 1, minus: -1, zero: 0, same: 1 }),
  ...sortedIntegers('ids', [1n, 7n, 9n]),
  ...list('l', ['a', 'b', 'c'], -1),
  metadata('l:trimmed', TYPE.list, { size: 0, fields: listFields(3, 2) }),
  metadata('l:moved', TYPE.list, { size: 1, version: 0n, fields: listFields(0, 1) }),
  element('l:moved', u64(0x7fff_ffff_ffff_ffffn), 'x', { version: 0n }),
  ...bitmap('bits', { 0: new Uint8Array(1024).fill(1), 2048: bits(1, 0, 2, 0) }, 2051),
  ...hyperLogLog('hll', { 0: 768, 15: 768 }),
  ...bloom('bf', [64, 128]),
  ...stream('x', [5n, 6n, 9n], { groups: 2 }),
  streamGroup('x', 'g', 2, 1),
  streamGroup('x', 'idle', 0, 0),
  streamConsumer('x', 'g', 'c1', 1),
  streamConsumer('x', 'g', 'c2', 0),
  streamPending('x', 'g', 5n, 'c1'),
  ...stream('x:empty', []),
  // compaction has not come by yet
  metadata('expired', TYPE.hash, { size: 3, expire: 1_000_000n }),
];

/** What breaks each rule, put on top of what is whole. */
const breaks: [title: string, rule: string, ops: BatchOpInput[]][] = [
  ['a hash that counts a field too many', 'wrong-size', [metadata('h', TYPE.hash, { size: 3 })]],
  ['a set that counts nothing', 'wrong-size', [metadata('set', TYPE.set, { size: 0 })]],
  ['a set whose last member is gone', 'wrong-size', [del('default', elementKey('set', 'z'))]],
  ['sorted integers that count too few', 'wrong-size', [metadata('ids', TYPE.sortedint, { size: 2 })]],
  ['a sorted set that counts too many', 'wrong-size', [metadata('z', TYPE.zset, { size: 5 })]],
  [
    'an old hash that counts too many',
    'wrong-size',
    [metadata('h:old', TYPE.hash, { size: 2, narrow: true })],
  ],
  [
    'a member that the index lacks',
    'score-index',
    [del('zset_score', elementKey('z', Buffer.concat([score(1), Buffer.from('one')])))],
  ],
  ['a member with two scores in the index', 'score-index', [indexed('z', 'one', 2)]],
  [
    'a member with another score in the index',
    'score-index',
    [
      del('zset_score', elementKey('z', Buffer.concat([score(1), Buffer.from('one')]))),
      indexed('z', 'one', 3),
    ],
  ],
  [
    'an id that is none',
    'malformed-element',
    [element('ids', 'short'), metadata('ids', TYPE.sortedint, { size: 4 })],
  ],
  [
    'a score of 7 bytes',
    'malformed-element',
    [
      element('z', 'zero', score(0).subarray(1)),
      del('zset_score', elementKey('z', Buffer.concat([score(0), Buffer.from('zero')]))),
    ],
  ],
  ['a set member with a value', 'malformed-element', [element('set', 'x', 'value')]],
  [
    'a list of the wrong size',
    'list-bounds',
    [metadata('l', TYPE.list, { size: 4, fields: listFields(-1, 2) })],
  ],
  [
    'a list whose head was popped twice',
    'list-hole',
    [del('default', elementKey('l', u64(0x7fff_ffff_ffff_fffen)))],
  ],
  ['a list without its middle', 'list-hole', [del('default', elementKey('l', u64(0x7fff_ffff_ffff_ffffn)))]],
  ['a list without its end', 'list-hole', [metadata('l', TYPE.list, { size: 5, fields: listFields(-1, 4) })]],
  ['an element before the head of a list', 'list-stray', [listElement('l', -2, 'lost')]],
  ['an element far behind the tail', 'list-stray', [listElement('l', 70_000, 'lost')]],
  ['a fragment at an odd offset', 'bitmap-fragment', [element('bits', '100', bits(1))]],
  ['a fragment that is too long', 'bitmap-fragment', [element('bits', '0', new Uint8Array(1025))]],
  ['a bit after the size', 'bitmap-fragment', [element('bits', '2048', bits(1, 0, 2, 1))]],
  ['a fragment after the size', 'bitmap-fragment', [element('bits', '4096', bits(0))]],
  ['a segment of 700 bytes', 'hyperloglog-registers', hyperLogLog('hll', { 0: 700 })],
  ['a seventeenth segment', 'hyperloglog-registers', [element('hll', '16', new Uint8Array(768))]],
  ['a filter that is missing', 'bloom-filters', [del('default', elementKey('bf', bits(0, 1)))]],
  ['a filter of another size', 'bloom-filters', [element('bf', bits(0, 1), new Uint8Array(64))]],
  ['a filter of an odd size', 'bloom-filters', bloom('bf', [64, 96])],
  ['a stream that counts too many', 'stream-entries', stream('x:empty', [], { size: 1 })],
  ['a stream with another first id', 'stream-entries', stream('x:2', [5n, 6n], { first: 4n })],
  ['a stream with another last id', 'stream-entries', stream('x:2', [5n, 6n], { last: 7n })],
  ['a stream that gives an id out again', 'stream-entries', stream('x:2', [5n, 6n], { lastGenerated: 5n })],
  ['a group that is not counted', 'stream-groups', [streamGroup('x:empty', 'g', 0, 0)]],
  ['a group that counts a consumer too many', 'stream-groups', [streamGroup('x', 'g', 3, 1)]],
  ['a group that counts an entry too many', 'stream-groups', [streamGroup('x', 'g', 2, 2)]],
  [
    'groups that count for each other',
    'stream-groups',
    [streamGroup('x', 'g', 2, 0), streamGroup('x', 'idle', 0, 1)],
  ],
  [
    'consumers that count for each other',
    'stream-groups',
    [streamConsumer('x', 'g', 'c1', 0), streamConsumer('x', 'g', 'c2', 1)],
  ],
  ['a part of a stream that is none', 'malformed-element', [streamPart('x', 'odd', '')]],
  ['a field of a hash in the index', 'wrong-family', [put('zset_score', elementKey('h', 'a'))]],
  ['a type that does not exist', 'malformed-metadata', [metadata('new', 13 + 2, {})]],
  [
    'flags that are never set',
    'malformed-metadata',
    [put('metadata', metadataKey('f'), bits(0xc2, 0, 0, 0, 0))],
  ],
  [
    'metadata without a size',
    'malformed-metadata',
    [put('metadata', metadataKey('f'), bits(0x82, 0, 0, 0, 0))],
  ],
  ['an empty value', 'malformed-metadata', [put('metadata', metadataKey('f'))]],
  ['a stream without its ids', 'malformed-metadata', [metadata('x:2', TYPE.stream, {})]],
  ['a Bloom filter without its fields', 'malformed-metadata', [metadata('bf:2', TYPE.bloom, {})]],
  ['a key that ends in its namespace', 'malformed-key', [put('metadata', bits(9, 0x61), 'x')]],
  [
    'an element that ends in its key',
    'malformed-key',
    [put('default', Buffer.from('\x0b__namespace\0\0\0\x09key'))],
  ],
  ['a document that is not JSON', 'malformed-document', [json('doc', '{"a":')]],
  ['a document that is cut', 'malformed-document', [json('cbor', bits(0xa1, 0x61, 0x61, 0x82, 0x01), 1)]],
  ['a document of another format', 'malformed-document', [json('doc', '{}', 2)]],
  [
    'a key of the year 3000',
    'future-version',
    hash('f', { a: '1' }, { version: 32_503_680_000_000_000n << 11n }),
  ],
  ['elements of a deleted key', 'orphans', [element('gone', 'a', '1'), element('gone', 'b', '2')]],
  ['elements of an overwritten key', 'orphans', [element('h', 'c', '3', { version: 99n })]],
  ['elements under a string', 'orphans', [element('s', 'c', '3')]],
  [
    'a table of namespaces that is cut',
    'malformed-namespaces',
    [put('propagate', Buffer.from('__namespace_keys__'), '{"token":"ns1"')],
  ],
  [
    'a table of namespaces of another form',
    'malformed-namespaces',
    [put('propagate', Buffer.from('__namespace_keys__'), '["ns1"]')],
  ],
  [
    'a namespace that is not in the table',
    'unregistered-namespace',
    [
      put('propagate', Buffer.from('__namespace_keys__'), '{"token":"ns1"}'),
      string('a', 'v', { namespace: 'ns1' }),
      string('a', 'v', { namespace: 'ns2' }),
    ],
  ],
];

describe('the checks of Kvrocks', () => {
  it('find nothing where all is well', async () => {
    await withKvrocks([whole], async (dir) => expect(await check(dir)).toEqual([]));
  });

  it.each(breaks)('find %s: %s', async (_, rule, ops) => {
    await withKvrocks([whole, ops], async (dir) => {
      const findings = await check(dir);
      expect(findings.map((finding) => finding.rule)).toEqual([`kvrocks/${rule}`]);
      // keys are in the evidence, where they can be redacted, and nowhere else
      expect(findings[0].message).not.toMatch(/gone|ns1|ns2/);
    });
  });

  it('find a key under a slot that is not its own', async () => {
    const keys = ['a', 'b', 'c'];
    const slotted = keys.map((key) => string(key, 'v', { slot: ownSlot(key) }));
    const wrong = hash('{a}x', { f: 'v' }, { slot: ownSlot('a') ^ 1 });
    await withKvrocks([slotted], async (dir) => expect(await check(dir)).toEqual([]));
    await withKvrocks([slotted, wrong], async (dir) => {
      const findings = await check(dir);
      expect(findings.map(({ rule }) => rule)).toEqual(['kvrocks/wrong-slot']);
      expect(findings[0].evidence).toMatchObject({ key: { utf8: '{a}x' }, own: ownSlot('a') });
    });
  });

  it('find the same in little memory', async () => {
    const many = Array.from({ length: 600 }, (_, i) =>
      hash(`${'k'.repeat(i % 7)}${i}`, { a: '1', b: '2' }, i % 100 === 0 ? { size: 5 } : {}),
    ).flat();
    await withKvrocks([whole, many], async (dir) => {
      const key = ({ evidence }: Finding) => (evidence.key as { utf8: string }).utf8;
      const all = (await check(dir)).map(key).sort();
      expect(all).toHaveLength(6);
      expect((await check(dir, 4096)).map(key).sort()).toEqual(all);
    });
  });

  it('tell a thousand keys one by one, and the rest as a number', async () => {
    const many = Array.from({ length: 1100 }, (_, i) => metadata(`k${i}`, TYPE.hash, { size: 1 }));
    await withKvrocks([many], async (dir) => {
      const findings = await check(dir);
      expect(findings).toHaveLength(1001);
      expect(findings.at(-1)).toMatchObject({ rule: 'kvrocks/wrong-size', evidence: { rest: 100 } });
    });
  });

  it.each(fixtureNames().filter((name) => /^kvrocks-(master|replica|backup|race-(8|12))/.test(name)))(
    'find nothing in %s',
    async (name) => {
      await withDatabase(name, [], async (dir) => expect(await check(dir)).toEqual([]));
    },
  );

  describe('of replication ids', () => {
    const [first, second] = ['A'.repeat(16), 'B'.repeat(16)];
    const stored = (id: string) => put('propagate', Buffer.from('replication_id_'), id);
    const write = (key: string, id: string) => [string(key, 'v'), log(`r ${id}`)];

    async function ids(...batches: BatchOpInput[][]): Promise<Finding[]> {
      return withKvrocks(batches, async (dir) => {
        const database = await readDatabase(dir);
        const { view } = await openView(database);
        const layout = await kvrocksLayout(factsOfView(view!));
        const findings: Finding[] = [];
        await checkReplicationIds(database, view!, layout!, (finding) => findings.push(finding));
        view!.close();
        return findings;
      });
    }

    it('find nothing where all carry the id of the database, or none', async () => {
      expect(await ids([stored(first)], write('a', first), write('b', first))).toEqual([]);
      expect(await ids(write('a', first))).toEqual([]);
      expect(await ids([stored(first)], [string('a', 'v')])).toEqual([]);
    });

    it('tell when a server was promoted', async () => {
      const [found] = await ids(write('a', first), [stored(second)], write('b', second), write('c', second));
      expect(found).toMatchObject({
        rule: 'kvrocks/replication-id',
        severity: 'note',
        message: expect.stringContaining('promoted'),
        evidence: {
          ids: 2,
          changes: [
            { id: first, sequence: '1' },
            { id: second, sequence: '3' },
          ],
        },
      });
    });

    it('find batches of another history than that of the database', async () => {
      const [found] = await ids([stored(first)], write('a', second));
      expect(found).toMatchObject({
        message: expect.stringContaining('another'),
        evidence: { own: first, last: second },
      });
    });
  });

  it('end where a column family cannot be read, and say so', async () => {
    await withDatabase('kvrocks-backup', ['flip 000016.sst 0x20.3'], async (dir) => {
      const findings = await check(dir);
      expect(findings.map(({ rule }) => rule)).toEqual(['kvrocks/check-ended']);
    });
  });

  const corpus = inRepository('..', 'shared', 'corpus', 'real');
  if (!existsSync(corpus))
    console.log('skipped: databases of real servers, which are not beside the repository');

  it.skipIf(!existsSync(corpus)).each(['kvrocks-standalone', 'kvrocks-cluster', 'kvrocks-replica-pair'])(
    'find nothing in a real %s',
    async (name) => {
      await withTemporaryDirectory(async (dir) => {
        execFileSync('tar', ['-xzf', path.join(corpus, `${name}.tar.gz`), '-C', dir]);
        const markers = readdirSync(dir, { recursive: true, encoding: 'utf8' });
        const databases = markers.filter((file) => path.basename(file) === 'CURRENT').map(path.dirname);
        expect(databases).not.toEqual([]);
        for (const database of databases) expect(await check(path.join(dir, database))).toEqual([]);
      });
    },
  );

  it('raise every rule of the catalogue', () => {
    const raised = new Set([...breaks.map(([, rule]) => `kvrocks/${rule}`), 'kvrocks/wrong-slot']);
    const apart = ['kvrocks/replication-id', 'kvrocks/check-ended'];
    expect(Object.keys(kvrocksRules).filter((rule) => !raised.has(rule))).toEqual(apart);
  });
});
