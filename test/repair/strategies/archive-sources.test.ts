import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FileSet, fixture, withTemporaryDirectory } from '../../support/files.js';
import { packings } from '../../support/packings.js';
import { applyPatches } from '../../support/patch.js';
import { repaired } from '../../support/second-source.js';

const packed = (name: string, bytes: Uint8Array, use: (file: string) => Promise<void>) =>
  withTemporaryDirectory(async (dir) => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, bytes);
    await use(file);
    expect(Buffer.from(bytes).equals(fs.readFileSync(file))).toBe(true);
  });

describe.each(packings)('an archive as a source: %s', (name, pack) => {
  const clean = fixture('basic-7.8');

  test.each([
    ['bytes of a table', 'zero 000018.sst 0x40 60'],
    ['a table that is gone', 'remove 000018.sst'],
    ['a WAL record', 'zero 000017.log 0x60 64'],
    ['the end of a WAL', 'truncate 000017.log 200'],
    ['a MANIFEST that is gone', 'remove MANIFEST-000005'],
    ['CURRENT', 'write CURRENT 0 4d00'],
    ['a cut OPTIONS file', 'truncate OPTIONS-000011 900'],
  ])('gives back %s', async (_, patch) => {
    const damaged = await applyPatches(fixture('basic-7.8'), [patch]);
    await packed(name, await pack(clean, 'nightly/db/'), async (file) => {
      expect((await repaired(damaged, [file])).after).toEqual(clean);
    });
  });

  test('gives back a blob file that is gone, which a table proves', async () => {
    const damaged = await applyPatches(fixture('blob-7.8'), ['remove 000010.blob']);
    await packed(name, await pack(fixture('blob-7.8')), async (file) => {
      const { after, plan } = await repaired(damaged, [file]);
      expect(after).toEqual(fixture('blob-7.8'));
      expect(JSON.stringify(plan.steps.map(({ changes }) => changes))).toContain(`${file}: 000010.blob`);
    });
  });

  test('gives back a table out of one of its backups', async () => {
    const backup = fixture('backup-7.8');
    const [table] = [...backup.keys()].filter((each) => each.endsWith('.sst'));
    const database: FileSet = new Map(
      [...backup].flatMap(([each, bytes]): [string, Uint8Array][] =>
        each.startsWith('private/2/') ? [[path.basename(each), bytes]] : [],
      ),
    );
    database.set('000009.sst', backup.get(table)!);
    const damaged = await applyPatches(new Map(database), ['zero 000009.sst 100 900']);
    await packed(name, await pack(backup), async (file) => {
      expect((await repaired(damaged, [file])).after).toEqual(database);
    });
  });

  test('gives nothing that is damaged in it, too', async () => {
    const damaged = await applyPatches(fixture('basic-7.8'), ['zero 000018.sst 0x40 60']);
    await packed(name, await pack(damaged), async (file) => {
      expect((await repaired(damaged, [file])).after).toEqual(damaged);
    });
  });
});

test.each([
  ['a file that is no archive', 'note.txt', 'no archive'],
  ['a zip archive without a database', 'empty.zip', 'no database'],
])('%s is refused', async (_, name, reason) => {
  const bytes = name.endsWith('.zip')
    ? packings.at(-1)![1](new Map([['a', new Uint8Array(1)]]))
    : new Uint8Array(9);
  await packed(name, await bytes, async (file) => {
    await expect(repaired(fixture('basic-7.8'), [file])).rejects.toThrow(reason);
  });
});
