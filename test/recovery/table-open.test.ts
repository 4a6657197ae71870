import { expect, it } from 'vitest';
import type { LiveTable } from '../../src/format/manifest/version.js';
import { openSource } from '../../src/io/source.js';
import { tableOpenFailure } from '../../src/recovery/table-open.js';
import { fixture } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { NEWEST } from './wals.js';

const FILE = '000014.sst';

/** What the engine says of a table of `basic-7.8`, damaged, that the MANIFEST describes like this. */
async function complaint(
  patches: readonly string[],
  live: Partial<LiveTable> = {},
  version = NEWEST,
): Promise<string | undefined> {
  const bytes = (await applyPatches(fixture('basic-7.8'), patches)).get(FILE)!;
  const described = { level: 0, number: 14n, size: BigInt(bytes.length), ...live } as LiveTable;
  const table = { file: FILE, size: bytes.length, open: () => openSource({ kind: 'memory', bytes }) };
  return (await tableOpenFailure(described, table, version))?.message;
}

it('opens a whole table', async () => {
  expect(await complaint([])).toBeUndefined();
});

it('looks at the size first, in the words of the release', async () => {
  expect(await complaint(['truncate 000014.sst 100'], { size: 500n })).toBe(
    'Sst file size mismatch between expected 500 and file system 100 sstable: 000014.sst',
  );
  expect(await complaint(['truncate 000014.sst 100'], { size: 500n }, { major: 9, minor: 7, patch: 4 })).toBe(
    'file is too short (500 bytes) to be an sstable: 000014.sst',
  );
  expect(await complaint(['truncate 000014.sst 20'])).toBe(
    'file is too short (20 bytes) to be an sstable: 000014.sst',
  );
});

it('holds the unique id against the MANIFEST, from 7.6 on', async () => {
  const uniqueId = new Uint8Array(16).fill(7);
  expect(await complaint([], { uniqueId })).toMatch(
    /^Mismatch in unique ID on table file 14\. Expected: \{506381209866536711,506381209866536711\} Actual: \{\d+,\d+\}$/,
  );
  expect(await complaint([], { uniqueId }, { major: 7, minor: 5, patch: 3 })).toBeUndefined();
  expect(await complaint([], { uniqueId: new Uint8Array(16) })).toBeUndefined();
});

it('names the block whose checksum is wrong, from 11.0 on', async () => {
  // the metaindex of this table ends where its footer begins, 53 bytes before the end
  const text = await complaint(['flip 000014.sst end-60.2']);
  expect(text).toMatch(
    /^block checksum mismatch: stored = \d+, computed = \d+, type = \d+ {2}in 000014\.sst offset \d+ size \d+, block_type = \w+$/,
  );
  expect(await complaint(['flip 000014.sst end-60.2'], {}, { major: 10, minor: 6, patch: 2 })).toBe(
    text?.replace(/, block_type = \w+$/, ''),
  );
});
