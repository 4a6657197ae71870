import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FindOptions, type FindReport, find, type KeyReport } from '../../src/find/find.js';
import type { FoundVersion } from '../../src/find/found.js';
import { valueTypeName } from '../../src/format/sst/internal-key.js';
import { tree } from '../inspect/collect.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => Buffer.from(value).toString('latin1');

async function search(
  base: string,
  key: string,
  options: Partial<FindOptions> = {},
  damage: string[] = [],
): Promise<FindReport> {
  return withTemporaryDirectory(async (dir) => {
    const files = await applyPatches(fixture(base), damage);
    writeFileSet(files, path.join(dir, 'db'));
    return find(path.join(dir, 'db'), { key: bytes(key), ...options });
  });
}

/** `@38 merge 000019.log operand`. */
function line({ sequence, type, file, status }: FoundVersion): string {
  const kind = type === undefined ? 'blob-record' : valueTypeName(type);
  return `@${sequence ?? '?'} ${kind} ${file.entry.file} ${status}`;
}

const lines = ({ versions, tombstones }: KeyReport) => [...versions, ...tombstones].map(line);

describe('a key that was put, merged, range-deleted, put again, flushed and compacted', () => {
  test('is found in every file that has it, and what a reader gets is made of its live versions', async () => {
    const { keys, unread, recovery } = await search('versions-7.8', 'story');
    expect(unread).toEqual([]);
    expect(recovery).toMatchObject({ mode: 'point-in-time', lastSequence: 42n });
    const [story] = keys;
    expect(lines(story)).toEqual([
      '@38 merge 000019.log operand',
      '@36 merge 000017.log not-live',
      '@36 put 000020.sst operand',
      '@35 put 000017.log not-live',
      '@23 merge 000010.log not-live',
      '@23 merge 000015.sst not-live',
      '@1 put 000004.log not-live',
      '@1 put 000011.sst not-live',
      '@0 put 000016.sst shadowed',
      '@29 range-delete 000014.log not-live',
      '@29 range-delete 000018.sst range-tombstone',
    ]);
    expect(story.reader).toMatchObject({ state: 'value', sequence: 38n });
    expect(text((story.reader as { value: Uint8Array }).value)).toBe('there,was,a');
  });

  test('has its places in the bytes of the files', async () => {
    const { keys } = await search('versions-7.8', 'story');
    const files = fixture('versions-7.8');
    for (const { file, at, type, value } of keys[0].versions) {
      const entry = files.get(file.entry.file)!.subarray(at.offset, at.offset + at.length);
      // an entry of a table leaves out what its key shares with the one before
      expect(text(entry)).toContain(type === 0 ? 'story' : text(value));
    }
  });

  test('is found in archived and lost files', async () => {
    const { keys } = await search('versions-7.8', 'story', {}, [
      'move 000004.log archive/000004.log',
      'move 000011.sst lost/000011.sst',
    ]);
    const uses = keys[0].versions.map(({ file }) => `${file.entry.file} ${file.use}`);
    expect(uses).toContain('archive/000004.log archived');
    expect(uses).toContain('lost/000011.sst lost');
  });

  test('whose value lies in blob files leads to them', async () => {
    const { keys } = await search('versions-7.8', 'picture', { columnFamily: 'large' });
    const inTables = keys[0].versions.filter(({ blob }) => blob !== undefined);
    expect(inTables.map(({ sequence, blob }) => [sequence, blob?.file, blob?.offset, blob?.length])).toEqual([
      [37n, '000022.blob', 0x45, 300],
      [2n, '000013.blob', 0x45, 300],
    ]);
    expect(inTables.every(({ blob, valueLength }) => blob?.error === undefined && valueLength === 300)).toBe(
      true,
    );
    expect(keys[0].reader).toEqual({ state: 'nothing' });
  });

  test('that a range tombstone deletes says which one', async () => {
    const { keys } = await search('versions-7.8', 'item:0004');
    const live = keys[0].versions.find(({ file }) => file.entry.file === '000016.sst')!;
    expect(live.status).toBe('range-deleted');
    expect(line(live.by!)).toBe('@39 range-delete 000019.log range-tombstone');
  });

  test('a single deletion takes its put with it', async () => {
    const { keys } = await search('versions-7.8', 'story:2');
    expect(lines(keys[0])).toContain('@42 single-delete 000019.log deletes');
    expect(lines(keys[0])).toContain('@41 put 000019.log shadowed');
  });
});

describe('damage', () => {
  test('a record of a live log that recovery drops is found all the same', async () => {
    const { keys, unread } = await search('versions-7.8', 'story', {}, ['flip 000019.log 0x1b.0']);
    const dropped = keys[0].versions.find(({ sequence }) => sequence === 38n)!;
    expect(dropped).toMatchObject({ status: 'not-applied', damaged: 'its record is damaged' });
    expect(unread.map(({ file }) => file)).toEqual(['000019.log']);
    expect(text((keys[0].reader as { value: Uint8Array }).value)).toBe('there,was');
  });

  test('a damaged block is read as far as it decodes, and a reader gets an error', async () => {
    const { keys, unread } = await search('versions-7.8', 'story', {}, ['flip 000020.sst 0x1.0']);
    expect(unread).toMatchObject([{ file: '000020.sst', offset: 0 }]);
    expect(keys[0].reader).toMatchObject({ state: 'unreadable', file: '000020.sst' });
  });

  test('without its index a table gives up its blocks one by one', async () => {
    const whole = await search('versions-7.8', 'item:0015');
    const files = fixture('versions-7.8');
    const size = files.get('000016.sst')!.length;
    for (const damage of [`zero 000016.sst ${size - 1200} 1000`, `truncate 000016.sst ${size - 1000}`]) {
      const { keys, unread } = await search('versions-7.8', 'item:0015', {}, [damage]);
      const places = (of: FindReport['keys']) =>
        of[0].versions.filter(({ file }) => file.entry.file === '000016.sst').map(({ at }) => at);
      expect(places(keys)).toEqual(places(whole.keys));
      expect(unread.map(({ file }) => file)).toContain('000016.sst');
    }
  });

  test('a filter that denies a key that is there is told of', async () => {
    const files = fixture('versions-7.8');
    const { children } = await tree('000020.sst', files.get('000020.sst')!);
    const { offset, length } = children.find(({ name }) => name === 'filter block')!;
    const damage = [
      `zero 000020.sst ${offset} ${length! - 10}`,
      `fix-block 000020.sst ${offset} ${length! - 5}`,
    ];
    const { keys } = await search('versions-7.8', 'story', {}, damage);
    const hidden = keys[0].versions.find(({ file }) => file.entry.file === '000020.sst')!;
    expect(hidden.note).toMatch(/the filter of the table denies it/);
  });

  test('without a MANIFEST nobody knows what a reader gets', async () => {
    const { keys } = await search('versions-7.8', 'story', {}, ['remove MANIFEST-000005', 'remove CURRENT']);
    expect(keys[0].versions.length).toBeGreaterThan(8);
    expect(keys[0].reader).toEqual({ state: 'unknown', reason: 'no MANIFEST says which files are live' });
  });

  test('a record of a blob file is found when the table that pointed at it is lost', async () => {
    const { keys } = await search('versions-7.8', 'picture', {}, ['remove 000012.sst']);
    const orphan = keys[0].versions.find(({ file }) => file.kind === 'blob');
    expect(orphan?.file.entry.file).toBe('000013.blob');
    expect(orphan?.valueLength).toBe(300);
  });
});

describe('what is looked for', () => {
  test('a prefix finds the first keys of each column family', async () => {
    const { keys, moreKeys } = await search('versions-7.8', 'item:000', { prefix: true, limit: 4 });
    expect(keys.map(({ key }) => text(key))).toEqual(['item:0000', 'item:0001', 'item:0002', 'item:0003']);
    expect(moreKeys).toBe(true);
  });

  test('a key that is not there is not found', async () => {
    const { keys, tombstones } = await search('versions-7.8', 'storm');
    expect(keys).toEqual([]);
    expect(tombstones.map(line)).toContain('@29 range-delete 000018.sst range-tombstone');
  });

  test('a column family that does not exist is named', async () => {
    await expect(search('versions-7.8', 'story', { columnFamily: 'larg' })).rejects.toThrow(
      'there is no column family "larg"',
    );
  });

  test('a key with timestamps is found at each of them', async () => {
    const { keys } = await search('timestamps-7.8', 'sensor:0003', { columnFamily: 'timed' });
    const stamps = keys[0].versions.map(
      ({ timestamp }) => timestamp && Buffer.from(timestamp).readBigUInt64LE(0),
    );
    expect(new Set(stamps)).toEqual(new Set([44n, 24n, 4n]));
    expect(keys[0].versions.filter(({ status }) => status === 'visible')).toHaveLength(1);
  });

  test('what a transaction wrote is seen once it is committed', async () => {
    const { keys } = await search('transactions-7.8', 'account:0016');
    expect(keys[0].versions.some(({ status }) => status === 'visible')).toBe(true);
    const rolledBack = await search('transactions-7.8', 'account:0019');
    expect(rolledBack.keys[0].versions.every(({ status }) => status === 'not-applied')).toBe(true);
    expect(rolledBack.keys[0].reader).toEqual({ state: 'nothing' });
  });
});

describe('a key whose value lies in a blob file of Titan', () => {
  const value = (report: FindReport) => {
    const [{ versions, reader, doubt }] = report.keys;
    return {
      blob: versions[0].blob,
      damaged: versions[0].damaged,
      status: versions[0].status,
      reader,
      doubt,
    };
  };

  test.each(['lz4', 'dict', 'hole'])('is shown with the value: %s', async (name) => {
    const { keys, unread } = await search(`titan/${name}`, 'key000', { prefix: true });
    expect(unread).toEqual([]);
    const apart = keys.filter(({ versions }) => versions.some(({ blob }) => blob !== undefined));
    expect(apart.length).toBeGreaterThan(2);
    for (const { versions, reader, doubt } of keys) {
      expect(doubt).toBeUndefined();
      for (const { blob, damaged, value, valueLength } of versions) {
        expect([blob?.error, damaged]).toEqual([undefined, undefined]);
        if (blob === undefined) continue;
        expect(blob.file).toMatch(/^titandb\/00000[2-5]\.blob$/);
        expect(text(value)).toMatch(/^value-\d+-\d/);
        expect(valueLength).toBe(value.length);
      }
      const [visible] = versions.filter(({ status }) => status === 'visible');
      expect(reader).toMatchObject({ state: 'value', sequence: visible.sequence });
      expect(text((reader as { value: Uint8Array }).value)).toBe(text(visible.value));
    }
  });

  test('and whose record is damaged, or whose file is gone, has the place and the reason', async () => {
    const damaged = value(await search('titan/lz4', 'key0001', {}, ['flip titandb/000002.blob 40.2']));
    expect(damaged).toMatchObject({
      blob: { file: 'titandb/000002.blob', offset: 20, error: 'the record does not match its checksum' },
      reader: { state: 'unreadable', file: 'titandb/000002.blob' },
    });
    const gone = value(await search('titan/lz4', 'key0001', {}, ['remove titandb/000002.blob']));
    expect(gone.blob?.error).toMatch(/^A blob file of Titan cannot be opened: ENOENT/);
    expect(gone.reader).toMatchObject({ state: 'unreadable' });
  });
});
