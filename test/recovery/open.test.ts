import { expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import type { EngineVersion } from '../../src/engine/version.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { type SimulatedMode, simulateRecovery } from '../../src/recovery/simulate.js';
import { withDatabase } from '../support/database.js';
import { NEWEST } from './wals.js';

/** What the four modes make of a damaged fixture, from the strictest to the most lenient. */
async function modesOf(
  fixture: string,
  patches: readonly string[],
  version: EngineVersion = NEWEST,
): Promise<SimulatedMode[]> {
  return withDatabase(fixture, patches, async (dir) => {
    const { modes } = await simulateRecovery(databaseView(await readDatabase(dir)), version);
    return modes;
  });
}

/** The text with which every mode refuses. */
async function refusal(fixture: string, ...patches: string[]): Promise<string | undefined> {
  const modes = await modesOf(fixture, patches);
  const texts = new Set(modes.map(({ opens, errorText }) => (opens ? 'opens' : errorText)));
  expect(texts.size).toBe(1);
  return [...texts][0];
}

it('a healthy database opens in every mode and loses nothing', async () => {
  for (const fixture of ['basic-7.8', 'wal-large-7.8', 'wal-compressed-7.8', 'wide-7.8', 'checksummed-7.8']) {
    const modes = await modesOf(fixture, []);
    expect(modes.map(({ opens }) => opens)).toEqual([true, true, true, true]);
    const [{ lost, uneventful }, ...others] = modes;
    expect(uneventful).toBe(true);
    expect(lost).toMatchObject({ records: 0, operations: 0, damagedBytes: 0 });
    expect(others.map(({ sameAs }) => sameAs)).toEqual(Array(3).fill('absolute-consistency'));
  }
});

it('a healthy recycled WAL is refused in absolute mode, as RocksDB does', async () => {
  const modes = await modesOf('wal-recycled-11.9', []);
  expect(modes.map(({ opens }) => opens)).toEqual([false, true, true, true]);
  expect(modes[1].lost?.operations).toBe(0);
});

it('CURRENT and MANIFEST stand in the way of all else', async () => {
  expect(await refusal('basic-7.8', 'remove CURRENT')).toBe(
    'Invalid argument: CURRENT: does not exist (create_if_missing is false)',
  );
  expect(await refusal('basic-7.8', 'truncate CURRENT 5')).toBe(
    'Corruption: CURRENT file does not end with newline',
  );
  expect(await refusal('basic-7.8', 'remove MANIFEST-000005')).toMatch(
    /^IO error: No such file or directory/,
  );
  expect(await refusal('basic-7.8', 'flip MANIFEST-000005 20.1')).toBe(
    'Corruption: checksum mismatch  The file MANIFEST-000005 may be corrupted.',
  );
});

it('every live table is opened', async () => {
  expect(await refusal('basic-7.8', 'remove 000014.sst')).toMatch(
    /^Corruption: Corruption: IO error: No such file or directory: While open a file for random read: 000014.sst/,
  );
  expect(await refusal('basic-7.8', 'append 000014.sst 00')).toMatch(
    /Sst file size mismatch between expected/,
  );
  expect(await refusal('basic-7.8', 'flip 000014.sst end-1.0')).toMatch(
    /Bad table magic number: expected 9863518390377041911/,
  );
  expect(await refusal('basic-7.8', 'copy 000015.sst 000014.sst')).toMatch(
    /Sst file size mismatch|Mismatch in unique ID/,
  );
  // a data block is only read when somebody asks for it
  expect(await refusal('basic-7.8', 'flip 000014.sst 3.0')).toBe('opens');
});

it('the release decides which formats are read', async () => {
  const old = { major: 9, minor: 7, patch: 4 };
  const texts = (modes: SimulatedMode[]) => modes.map(({ errorText }) => errorText);
  expect(texts(await modesOf('format-7-11.9', [], old))[0]).toMatch(/unsupported format_version 7/);
  expect((await modesOf('format-7-11.9', []))[0].opens).toBe(true);
  expect(texts(await modesOf('formats-7.8', []))[0]).toMatch(
    /Unsupported legacy magic number|format_version 1/,
  );
  expect((await modesOf('formats-7.8', [], old))[0].opens).toBe(true);
});

it('a tracked WAL that is gone or short is refused before anything is replayed', async () => {
  const wal = (await modesOf('checksummed-7.8', []))[0].wals.filter(({ state }) => state === 'applied')[0];
  expect(await refusal('checksummed-7.8', `remove ${wal.file}`)).toBe(
    `Corruption: Missing WAL with log number: ${wal.number}.`,
  );
  expect(await refusal('checksummed-7.8', `truncate ${wal.file} ${wal.size - 1}`)).toBe(
    `Corruption: Size mismatch: WAL (log number: ${wal.number}) in MANIFEST is ${wal.size} bytes , but actually is ${wal.size - 1} bytes on disk.`,
  );
  expect(await refusal('checksummed-7.8', `append ${wal.file} 0000000000000000000000`)).not.toMatch(
    /Size mismatch/,
  );
});

it('says what a mode loses, by sequence numbers, column families and keys', async () => {
  // real: a server that logged a batch which changed between checksum and write (apache/kvrocks#2766)
  const modes = await modesOf('kvrocks-race-8/db', []);
  expect(modes.map(({ opens, errorText }) => errorText ?? opens)).toEqual([
    'Corruption: checksum mismatch',
    true,
    'Corruption: checksum mismatch',
    true,
  ]);
  const { lost, lastSequence, sameAs } = modes[3];
  expect({ lastSequence, sameAs }).toEqual({ lastSequence: 0n, sameAs: 'point-in-time' });
  expect(lost).toMatchObject({ records: 37, operations: 208, firstSequence: 27n, lastSequence: 264n });
  expect(lost?.columnFamilies.map(({ name, operations }) => `${name} ${operations}`)).toEqual([
    'default 119',
    'metadata 79',
    'zset_score 5',
    'pubsub 5',
  ]);
});

it('transactions: the policy is read off the WAL', async () => {
  // WriteUnprepared writes as WritePrepared does until a transaction outgrows its memory
  const fixtures = ['transactions-7.8', 'transactions-prepared-7.8', 'transactions-unprepared-11.9'];
  const found = await Promise.all(fixtures.map(async (name) => (await modesOf(name, []))[1].policy));
  expect(found).toEqual(['write-committed', 'write-prepared', 'write-prepared']);
});
