import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTitanBlobFile } from '../../../src/check/titan/blob-file.js';
import { readDatabase } from '../../../src/engine/database.js';
import { memorySource } from '../../../src/io/source.js';
import { END, LOAD } from '../../../src/lsm/cursor.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { randomOf } from '../../engines/raft-engine-damage.js';
import { withDatabase } from '../../support/database.js';
import { fixture } from '../../support/files.js';

/* Databases that Titan's own code wrote (fixtures/README.md): LZ4, a zstd dictionary, records at multiples of 4 KiB. */

const blobOf = (name: string) => Uint8Array.from(fixture(`titan/${name}`).get('titandb/000002.blob')!);
const scan = async (name: string, patches: string[] = []) =>
  withDatabase(`titan/${name}`, patches, (dir) => scanTarget(dir, { jobs: 1 }));

describe('values in blob files of Titan', () => {
  it.each(['lz4', 'dict', 'hole'])('%s is clean, and all of it is checked', async (name) => {
    const { findings, unchecked } = await scan(name);
    expect(findings).toEqual([]);
    expect(unchecked).toEqual([]);
  });

  it.each(['lz4', 'dict'])('no changed bit of a blob file of %s goes unnoticed', (name) =>
    withDatabase(`titan/${name}`, [], async (dir) => {
      const file = path.join(dir, 'titandb', '000002.blob');
      const whole = fs.readFileSync(file);
      const random = randomOf(7);
      for (let i = 0; i < 60; i++) {
        const at = random(whole.length);
        const bytes = Buffer.from(whole);
        bytes[at] ^= 1 << random(8);
        fs.writeFileSync(file, bytes);
        const { findings } = await scanTarget(dir, { jobs: 1 });
        const about = findings.filter(({ rule }) => rule.startsWith('titan/'));
        expect(about.length, `byte ${at}`).toBeGreaterThan(0);
        for (const { offset = 0, length = 0 } of about)
          expect(offset + length).toBeLessThanOrEqual(whole.length);
      }
    }),
  );

  it('lists a damaged blob file as damaged, and only one that is gone as missing', () =>
    withDatabase('titan/lz4', [], async (dir) => {
      const file = path.join(dir, 'titandb', '000002.blob');
      const bytes = fs.readFileSync(file);
      bytes[300] ^= 1;
      fs.writeFileSync(file, bytes);
      const listed = async () =>
        (await scanTarget(dir, { jobs: 1 })).files.filter((each) => each.path === 'titandb/000002.blob');
      expect(await listed()).toMatchObject([{ kind: 'blob', status: 'damaged', size: bytes.length }]);
      fs.rmSync(file);
      expect(await listed()).toMatchObject([{ status: 'missing', size: 0 }]);
    }));

  it('holds references against records: where they begin, how long they are, where the file ends', async () => {
    const bytes = blobOf('lz4');
    const source = memorySource(bytes);
    const first = 9 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true);
    const wrong = [
      { offset: 4, size: first },
      { offset: 20, size: first + 1 },
      { offset: 21, size: first },
      { offset: 1 << 20, size: 100 },
    ];
    const references = [{ offset: 20, size: first }, ...wrong].sort((a, b) => a.offset - b.offset);
    const { dangling, damaged } = await checkTitanBlobFile(source, references, 'full');
    expect(damaged).toEqual([]);
    expect(dangling).toMatchObject(wrong);
  });

  it('takes a punched hole for what garbage collection leaves, and says what refers into it', async () => {
    const bytes = blobOf('hole').fill(0, 4096, 8192);
    const source = memorySource(bytes);
    expect(await checkTitanBlobFile(source, [], 'full')).toMatchObject({ damaged: [], punched: 0 });
    const reference = { offset: 4096, size: 300 };
    expect(await checkTitanBlobFile(source, [reference], 'full')).toMatchObject({ damaged: [], punched: 1 });
  });

  it.each([0, 3, 7, 9])('names no byte outside of a blob file of %d bytes', async (size) => {
    const { file } = await checkTitanBlobFile(memorySource(blobOf('lz4').subarray(0, size)), [], 'full');
    expect(file.flaws.length).toBeGreaterThan(0);
    for (const { offset, length } of file.flaws) expect(offset + length).toBeLessThanOrEqual(size);
  });

  it('says of a MANIFEST whose tag is cut off that it is', async () => {
    // the log record holds, the edit ends inside a tag
    const { findings } = await scan('lz4', ['append-record titandb/MANIFEST-000001 1 0a00ff']);
    expect(findings.map(({ rule, message }) => [rule, message])).toContainEqual([
      'titan/manifest',
      'a tag is cut off',
    ]);
  });

  it('misses a file that Titan does not name only where a reader follows the reference', async () => {
    // column family 0, file 2 deleted; of its 18 values 6 have newer versions in file 4
    const { findings } = await scan('lz4', ['append-record titandb/MANIFEST-000001 1 0a000c02']);
    expect(findings.map(({ rule, message }) => [rule, message])).toContainEqual([
      'titan/dangling-reference',
      expect.stringMatching(/^12 values lie in blob files that .*titandb\/000002\.blob$/),
    ]);
  });

  it('are not read at depth structure, header and footer are', async () => {
    const { findings } = await withDatabase('titan/lz4', ['flip titandb/000002.blob 300.2'], (dir) =>
      scanTarget(dir, { jobs: 1, depth: 'structure' }),
    );
    expect(findings).toEqual([]);
    const cut = await withDatabase('titan/lz4', ['truncate titandb/000002.blob 300'], (dir) =>
      scanTarget(dir, { jobs: 1, depth: 'structure' }),
    );
    expect(new Set(cut.findings.map(({ rule }) => rule))).toEqual(new Set(['titan/bad-blob-file']));
  });
});

describe('a reader of the database', () => {
  it.each(['lz4', 'dict', 'hole'])('gets the values of %s that lie in Titan’s files', (name) =>
    withDatabase(`titan/${name}`, [], async (dir) => {
      const { view } = await openView(await readDatabase(dir));
      const seen: string[] = [];
      for (const { id } of view!.columnFamilies) {
        const entries = view!.visible(id);
        for (let step = entries.step(); step !== END; step = entries.step()) {
          if (step === LOAD) await entries.load();
          else
            seen.push(
              Buffer.from(entries.valueBytes.subarray(entries.valueFrom, entries.valueTo)).toString(),
            );
        }
        expect(entries.problems.count).toBe(0);
        await entries.close();
      }
      view!.close();
      expect(seen.length).toBeGreaterThan(6);
      for (const value of seen) expect(value).toMatch(/^value-\d+-\d/);
      expect(seen.filter(({ length }) => length >= 150).length).toBeGreaterThan(4);
    }),
  );
});
