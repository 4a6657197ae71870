import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { detectTarget } from '../../src/engine/detect.js';
import { looksRandom } from '../../src/engine/foreign-files.js';
import { takeInventory } from '../../src/io/inventory.js';
import { diskReader } from '../../src/io/reader.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';

const detect = async (dir: string) => detectTarget(await takeInventory(dir), diskReader(dir));

/** Every file but CURRENT becomes what AES-CTR makes of it to one who has no key. */
function encrypt(dir: string): void {
  for (const name of fs.readdirSync(dir)) {
    const file = path.join(dir, name);
    if (name !== 'CURRENT') fs.writeFileSync(file, randomBytes(fs.statSync(file).size));
  }
}

describe('files of TiKV that are not RocksDB’s', () => {
  it('raft-engine is said to be what it is', () =>
    withTemporaryDirectory(async (dir) => {
      for (const name of ['0000000000000001.raftlog', '0000000000000001.rewrite', 'LOCK'])
        fs.writeFileSync(path.join(dir, name), '');
      expect(await detect(dir)).toMatchObject({ kind: 'raft-engine' });
    }));

  it('a directory of Titan is no damaged database', () =>
    withTemporaryDirectory(async (dir) => {
      fs.writeFileSync(path.join(dir, 'CURRENT'), 'MANIFEST-000001\n');
      fs.writeFileSync(path.join(dir, 'MANIFEST-000001'), '');
      // magic number and version 2 of Titan
      fs.writeFileSync(path.join(dir, '000005.blob'), Buffer.from('14a6e02b0200000000000000', 'hex'));
      const report = await scanTarget(dir);
      expect(report.findings).toEqual([]);
      expect(report.unchecked.map(({ reason }) => reason).join()).toContain('Titan');
    }));

  it('an encrypted raft log is said to be so', () =>
    withDatabase('raft-engine/plain', [], async (dir) => {
      encrypt(dir);
      fs.writeFileSync(path.join(dir, '..', 'file.dict'), 'names');
      const report = await scanTarget(dir);
      expect(report.findings).toEqual([]);
      expect(report.unchecked.map(({ reason }) => reason).join()).toContain('encrypted by TiKV');
    }));

  it('a raft log that is not encrypted is read beside a dictionary', () =>
    withDatabase('raft-engine/plain', [], async (dir) => {
      fs.writeFileSync(path.join(dir, '..', 'file.dict'), 'names');
      expect((await detect(dir)).kind).toBe('raft-engine');
    }));

  it('a directory for Titan’s files that holds none is nothing to report', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      fs.mkdirSync(path.join(dir, 'titandb'));
      const report = await scanTarget(dir, { jobs: 1 });
      expect(report.findings).toEqual([]);
      expect(report.unchecked).toEqual([]);
    }));

  it('raft-engine beside a database is named with it', () =>
    withDatabase('tikv', [], async (dir) => {
      fs.mkdirSync(path.join(dir, 'raft-engine'));
      expect(await detect(dir)).toMatchObject({
        kind: 'container',
        databases: ['db', 'raft'],
        evidence: [expect.any(String), expect.stringMatching(/^raft-engine holds TiKV’s raft log/)],
      });
    }));

  it('encrypted files are said to be so, and not called damaged', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      encrypt(dir);
      fs.writeFileSync(path.join(dir, '..', 'file.dict'), 'names');
      const report = await scanTarget(dir);
      expect(report.findings).toEqual([]);
      expect(report.unchecked.map(({ reason }) => reason).join()).toContain('encrypted by TiKV');
      fs.rmSync(path.join(dir, '..', 'file.dict'));
      expect((await scanTarget(dir)).findings).not.toEqual([]);
    }));

  it('a dictionary beside files that are not encrypted says nothing', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      fs.writeFileSync(path.join(dir, '..', 'file.dict'), 'names');
      expect((await detect(dir)).kind).toBe('database');
      const zeros = path.join(dir, 'MANIFEST-000005');
      fs.writeFileSync(zeros, Buffer.alloc(fs.statSync(zeros).size));
      expect((await detect(dir)).kind).toBe('database');
    }));
});

describe('bytes that look random', () => {
  it.each([96, 300, 1000, 65536])('%d random ones do', (size) => {
    for (let i = 0; i < 50; i++) expect(looksRandom(randomBytes(size))).toBe(true);
  });

  it('files of databases do not', () => {
    const files = ['tikv', 'basic-7.8', 'basic-9.7'].flatMap((name) => [...fixture(name)]);
    const telling = files.filter(([file]) => /MANIFEST|OPTIONS/.test(file));
    expect(telling.length).toBeGreaterThan(6);
    expect(telling.filter(([, bytes]) => looksRandom(bytes))).toEqual([]);
  });
});
