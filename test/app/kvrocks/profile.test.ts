import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOfView } from '../../../src/app/facts.js';
import { kvrocksFamilies } from '../../../src/app/kvrocks/families.js';
import { kvrocksProfile } from '../../../src/app/kvrocks/profile.js';
import type { Profile } from '../../../src/app/profile.js';
import { profileOf } from '../../../src/app/profile-of.js';
import { readDatabase } from '../../../src/engine/database.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { fixtureNames, withTemporaryDirectory } from '../../support/files.js';
import {
  elementKey,
  FAMILY,
  hash,
  json,
  listElement,
  listFields,
  metadata,
  metadataKey,
  metadataValue,
  ownSlot,
  score,
  stream,
  streamConsumer,
  streamGroup,
  streamPending,
  string,
  TYPE,
  u64,
  withKvrocks,
} from '../../support/kvrocks.js';
import { inRepository } from '../../support/repository.js';

const names = Object.keys(FAMILY).map((name, id) => ({ id, name }));
const families = kvrocksFamilies(names)!;
const plain = kvrocksProfile({ families, slots: false });
const slotted = kvrocksProfile({ families, slots: true });

/** What the profile calls an operation's key and value. */
function said(op: { columnFamily?: number; key?: Uint8Array; value?: Uint8Array }, profile = plain) {
  const [family, key, value] = [op.columnFamily ?? 0, op.key!, op.value!];
  return [profile.keyText(family, key), profile.valueText(family, key, value)];
}

describe('a key of Kvrocks in words', () => {
  it.each([
    ['a string', string('user:1', 'a b'), 'key user:1', 'string "a b"'],
    [
      'a hash',
      metadata('h', TYPE.hash, { size: 2 }),
      'key h',
      'hash of 2 elements, made 2026-01-01T00:00:00.000Z',
    ],
    [
      'a list',
      metadata('l', TYPE.list, { size: 1, fields: listFields(-1, 0) }),
      'key l',
      'list of 1 element, from position -1 up to +0, made 2026-01-01T00:00:00.000Z',
    ],
    [
      'a bitmap that ends',
      metadata('b', TYPE.bitmap, { size: 9, expire: 1_800_000_000_000n }),
      'key b',
      'bitmap of 9 bytes, made 2026-01-01T00:00:00.000Z, expires 2027-01-15T08:00:00.000Z',
    ],
    ['a document', json('d', '{}'), 'key d', 'JSON "{}"'],
    ['a field', hash('h', { age: '7' })[0], 'key h, element age', undefined],
    ['an element of a list', listElement('l', -3, 'x'), 'key l, list position -3', undefined],
    ['an entry of a stream', stream('s', [5n])[0], 'key s, entry 5-0', 'f v'],
    [
      'a group',
      streamGroup('s', 'g', 1, 2),
      'key s, group g',
      'consumers 1, pending 2, last delivered ms 1, last delivered number 0, entries read -1, lag 0',
    ],
    [
      'a consumer',
      streamConsumer('s', 'g', 'c', 2),
      'key s, consumer c of group g',
      'pending 2, last attempt ms 1, last success ms 1',
    ],
    [
      'a pending entry',
      streamPending('s', 'g', 5n, 'c'),
      'key s, entry 5-0 pending in group g',
      'delivered ms 1, deliveries 1',
    ],
  ])('%s', (_, op, key, value) => {
    expect(said(op as never)).toEqual([key, value]);
  });

  it('a score', () => {
    const key = elementKey('z', Buffer.concat([score(-1.5), Buffer.from('bob')]));
    expect(plain.keyText(FAMILY.zset_score, key)).toBe('key z, score -1.5, member bob');
  });

  it.each([
    ['replication_id_', 'replication id'],
    ['__namespace_keys__', 'namespaces and their tokens'],
    ['lua_f_ab12', 'script ab12'],
    ['lua_lib_code_mylib', 'code of library mylib'],
    ['lua_func_lib_f', 'library of function f'],
  ])('%s, which replicas get as it is', (key, words) => {
    expect(plain.keyText(FAMILY.propagate, Buffer.from(key))).toBe(words);
  });

  it('tokens of namespaces are never shown', () => {
    const words = plain.valueText(
      FAMILY.propagate,
      Buffer.from('__namespace_keys__'),
      Buffer.from('{"s3cret":"ns"}'),
    );
    expect(words).not.toContain('s3cret');
  });

  it('another namespace is named', () => {
    expect(plain.keyText(FAMILY.metadata, metadataKey('k', { namespace: 'ns1' }))).toBe(
      'key k in namespace ns1',
    );
  });

  it('slots are named, and a wrong one as that', () => {
    const own = ownSlot('foo');
    expect(slotted.keyText(FAMILY.metadata, metadataKey('foo', { slot: own }))).toBe('key foo (slot 12182)');
    expect(slotted.keyText(FAMILY.default, elementKey('foo', 'f', { slot: own }))).toBe(
      'key foo (slot 12182), element f',
    );
    expect(slotted.keyText(FAMILY.metadata, metadataKey('foo', { slot: 5 }))).toBe(
      'key foo (slot 5, not of slot 12182)',
    );
  });

  it('what no Kvrocks writes has none', () => {
    expect(plain.keyText(FAMILY.default, Buffer.from('short'))).toBeUndefined();
    expect(plain.keyText(FAMILY.metadata, Buffer.alloc(0))).toBeUndefined();
    expect(plain.keyText(99, metadataKey('k'))).toBeUndefined();
    expect(plain.valueText(FAMILY.metadata, metadataKey('k'), Buffer.from([0x7f]))).toBeUndefined();
  });

  it('any bytes are told or not, and nothing throws', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), bytes, bytes, fc.boolean(), (family, key, value, slots) => {
        const profile = slots ? slotted : plain;
        profile.keyText(family, key);
        profile.valueText(family, key, value);
        profile.rangeText!(family, key, value);
        profile.batchWords(decodeBatch(key).ops);
      }),
    );
  });

  it('a whole key with any byte changed is told or not, and nothing throws', () => {
    const key = streamPending('s', 'g', 5n, 'c').key!;
    const value = metadataValue(TYPE.list, { size: 3, fields: u64(1n, 2n) });
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.nat(value.length - 1), fc.nat(255), (i, j, byte) => {
        const [k, v] = [Buffer.from(key), Buffer.from(value)];
        k[i] = byte;
        v[j] = byte;
        for (const { id } of names) {
          plain.keyText(id, k);
          plain.valueText(id, k.subarray(0, i), v.subarray(0, j));
          plain.valueText(id, k, v);
        }
      }),
    );
  });
});

/** Keys of all column families that the profile has no word for, and how many there are. */
async function wordless(dir: string): Promise<{ keys: number; wordless: string[]; profile: Profile }> {
  const database = await readDatabase(dir);
  const profile = (await profileOf(database))!;
  const { view } = await openView(database);
  const found: string[] = [];
  let keys = 0;
  for (const { id, name } of view!.columnFamilies) {
    await factsOfView(view!).entries(name, (key, value) => {
      keys++;
      const isMetadata = name === 'metadata' || name === 'stream';
      const isTold = profile.keyText(id, key) !== undefined;
      if (!isTold || (isMetadata && profile.valueText(id, key, value) === undefined))
        found.push(`${name} ${Buffer.from(key).toString('latin1')}`);
      return true;
    });
  }
  view!.close();
  return { keys, wordless: found, profile };
}

describe('every key of a database of Kvrocks', () => {
  const fixtures = fixtureNames().filter((name) => /^kvrocks-(?:backup|master|replica|race-12)/.test(name));

  it.each(fixtures)('%s', async (name) => {
    const told = await wordless(inRepository('fixtures', name));
    expect(told).toMatchObject({ wordless: [], profile: { name: 'kvrocks' } });
    expect(told.keys).toBeGreaterThan(0);
  });

  it('in the encoding that carries slots, which its keys tell', async () => {
    const slot = ownSlot('foo');
    const batch = [
      ...hash('foo', { a: '1' }, { slot }),
      string('bar', 'x', { slot: ownSlot('bar') }),
      string('baz', 'y', { slot: ownSlot('baz') }),
    ];
    await withKvrocks([batch], async (dir) => {
      const told = await wordless(dir);
      expect(told).toMatchObject({ keys: 4, wordless: [], profile: { detail: 'keys carry cluster slots' } });
    });
  });

  const corpus = inRepository('..', 'shared', 'corpus', 'real');
  const archives = existsSync(corpus)
    ? readdirSync(corpus).filter((name) => /^kvrocks-(?:standalone|cluster)\.tar\.gz$/.test(name))
    : [];
  if (archives.length === 0)
    console.log('skipped: databases of real servers, which are not beside the repository');

  it.each(archives)('%s, of a real server', async (name) => {
    await withTemporaryDirectory(async (dir) => {
      execFileSync('tar', ['-xzf', path.join(corpus, name), '-C', dir]);
      const [database] = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
        (file) => /(?:^|\/)CURRENT$/.test(file) && !file.includes('backup'),
      );
      const told = await wordless(path.dirname(path.join(dir, database)));
      expect(told.wordless).toEqual([]);
      expect(told.keys).toBeGreaterThan(1000);
      expect(told.profile.detail).toBe(name.includes('cluster') ? 'keys carry cluster slots' : undefined);
    });
  });
});
