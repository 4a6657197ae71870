import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectProfile } from '../../src/app/applications.js';
import { databaseFacts } from '../../src/app/facts.js';
import { ProfileMismatch } from '../../src/app/profile-choice.js';
import { profileBeside, profileOf } from '../../src/app/profile-of.js';
import { readDatabase } from '../../src/engine/database.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { list, metadataKey, string, withKvrocks } from '../support/kvrocks.js';
import { inRepository } from '../support/repository.js';

const databaseAt = (name: string) => readDatabase(inRepository('fixtures', name));

describe('the application of a database', () => {
  it.each([
    ['kvrocks-master/db', 'Kvrocks'],
    // no mode opens it: its keys are read from the log as it lies
    ['kvrocks-race-10/db', 'Kvrocks'],
    ['kvrocks-backup', 'Kvrocks'],
    ['basic-9.7', undefined],
    ['versions-7.8', undefined],
  ])('of %s: %s', async (name, title) => {
    expect((await profileOf(await databaseAt(name)))?.title).toBe(title);
  });

  it('is not looked for among the keys where the column families are others', async () => {
    const untouchable = () => Promise.reject(new Error('keys were read'));
    const columnFamilies = ['default', 'users', 'orders'].map((name, id) => ({ id, name }));
    const facts = {
      directory: '/data/db',
      columnFamilies,
      sample: untouchable,
      entries: untouchable,
      open: untouchable,
      kindOf: untouchable,
    };
    expect(await detectProfile(facts)).toBeUndefined();
  });

  it('is refused where another one is said, with what is there', async () => {
    const refused = profileOf(await databaseAt('basic-9.7'), 'kvrocks');
    await expect(refused).rejects.toThrow(ProfileMismatch);
    await expect(refused).rejects.toMatchObject({
      wanted: 'kvrocks',
      columnFamilies: expect.arrayContaining(['default']),
    });
  });

  it('is none where that is said', async () => {
    expect(await profileOf(await databaseAt('kvrocks-master/db'), 'none')).toBeUndefined();
  });

  it('is found beside one of its files, and beside an archived log', async () => {
    const at = (name: string) => profileBeside(inRepository('fixtures', name));
    expect((await at('kvrocks-master/db/000010.log'))?.name).toBe('kvrocks');
    expect((await at('kvrocks-master/db/archive/000007.log'))?.name).toBe('kvrocks');
    expect(await at('nowhere/000010.log')).toBeUndefined();
  });
});

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('what is known before keys are understood', () => {
  it('samples tables first, and logs where these hold too few', async () => {
    const facts = databaseFacts(await databaseAt('kvrocks-backup'));
    expect(await facts.sample('metadata', 5)).toHaveLength(5);
    expect(await facts.sample('no such family', 5)).toEqual([]);
    expect(await facts.sample('metadata', 0)).toEqual([]);
    facts.close();
    await withKvrocks([[string('a', '1'), string('b', '2')]], async (dir) => {
      const logged = databaseFacts(await readDatabase(dir));
      expect((await logged.sample('metadata', 1)).map(text)).toEqual([text(metadataKey('a'))]);
      expect((await logged.sample('metadata', 9)).map(text)).toEqual(
        ['a', 'b'].map((key) => text(metadataKey(key))),
      );
      logged.close();
    });
  });

  it('walks what a reader sees, from a key on, until told to stop', async () => {
    await withKvrocks([[string('a', '1'), string('b', '2'), ...list('c', ['x'])]], async (dir) => {
      const facts = databaseFacts(await readDatabase(dir));
      const walked = async (from: Buffer | undefined, most: number) => {
        const keys: string[] = [];
        const entry = (key: Uint8Array) => keys.push(Buffer.from(key.subarray(-1)).toString()) < most;
        await facts.entries('metadata', entry, from);
        return keys;
      };
      expect(await walked(undefined, 9)).toEqual(['a', 'b', 'c']);
      expect(await walked(metadataKey('b'), 9)).toEqual(['b', 'c']);
      expect(await walked(undefined, 1)).toEqual(['a']);
      facts.close();
    });
  });

  it('opens a database beside it, where there is one that opens', async () => {
    await withTemporaryDirectory(async (parent) => {
      for (const name of ['a', 'b', 'c']) writeFileSet(fixture('kvrocks-master/db'), path.join(parent, name));
      rmSync(path.join(parent, 'c', 'CURRENT'));
      const facts = databaseFacts(await readDatabase(path.join(parent, 'a')));
      const view = await facts.open('../b');
      expect(view?.columnFamilies.length).toBe(7);
      view?.close();
      expect(await facts.open('../c')).toBeUndefined();
      expect(await facts.open('../d')).toBeUndefined();
      facts.close();
    });
  });
});
