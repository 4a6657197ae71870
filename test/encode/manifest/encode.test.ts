import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../../src/encode/manifest/snapshot.js';
import { decodeVersionEdit } from '../../../src/format/manifest/decode.js';
import { emptyEdit, type NewFile, type VersionEdit } from '../../../src/format/manifest/edit.js';
import { readManifestLog } from '../../../src/format/manifest/log.js';
import type { Version } from '../../../src/format/manifest/version.js';
import { internalKey } from '../../../src/format/sst/internal-key.js';
import { memorySource } from '../../../src/io/source.js';
import { fixture, fixtureNames } from '../../support/files.js';
import { replayBytes } from '../../support/manifest.js';

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const u32 = fc.nat(0xffffffff);
const bytes = fc.uint8Array({ maxLength: 20 });
const nowhere = { offset: fc.constant(0), length: fc.constant(0) };
const key = fc
  .tuple(bytes, fc.bigInt({ min: 0n, max: (1n << 56n) - 1n }), fc.constantFrom(0, 1, 2, 7, 0x0f, 0x11))
  .map(([user, sequence, type]) => internalKey(user, sequence, type));
/** A record with any of these fields, and without the others. */
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] });

const newFile: fc.Arbitrary<NewFile> = fc
  .tuple(
    fc.record({
      tag: fc.constant(103),
      level: fc.nat(6),
      number: u64,
      pathId: fc.nat(3),
      size: u64,
      smallest: key,
      largest: key,
      smallestSequence: u64,
      largestSequence: u64,
      unknown: fc.array(fc.record({ id: fc.integer({ min: 18, max: 63 }), value: bytes }), { maxLength: 2 }),
      ...nowhere,
    }),
    some({
      needsCompaction: fc.boolean(),
      minLogNumberToKeep: u64,
      oldestBlobFile: u64,
      oldestAncestorTime: u64,
      creationTime: u64,
      fileChecksum: bytes,
      fileChecksumFunction: fc.string(),
      temperature: fc.nat(255),
      minTimestamp: bytes,
      maxTimestamp: bytes,
      uniqueId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      epoch: u64,
      compensatedRangeDeletionSize: u64,
      tailSize: u64,
      timestampsPersisted: fc.constant(false),
      openMetadata: bytes,
    }),
  )
  .map(([must, may]) => ({ ...must, ...may }));

const anyEdit: fc.Arbitrary<VersionEdit> = fc
  .tuple(
    some({
      columnFamily: u32,
      comparator: fc.string({ unit: 'binary-ascii' }),
      logNumber: u64,
      previousLogNumber: u64,
      minLogNumberToKeep: u64,
      nextFileNumber: u64,
      lastSequence: u64,
      maxColumnFamily: u32,
      columnFamilyAdd: fc.string(),
      columnFamilyDrop: fc.boolean(),
      databaseId: fc.string({ unit: 'binary-ascii' }),
      remainingInGroup: u32,
      walDeletion: u64,
      fullHistoryTimestampLow: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      timestampsPersisted: fc.boolean(),
      subcompactionProgress: bytes,
      lastCompactedManifestSize: u64,
    }),
    fc.record({
      compactCursors: fc.array(fc.record({ level: fc.nat(6), key }), { maxLength: 2 }),
      deletedFiles: fc.array(fc.record({ level: fc.nat(6), number: u64, ...nowhere }), { maxLength: 3 }),
      newFiles: fc.array(newFile, { maxLength: 3 }),
      blobFileAdditions: fc.array(
        fc.record({
          number: u64,
          totalCount: u64,
          totalBytes: u64,
          checksumMethod: fc.string(),
          checksum: bytes,
          ...nowhere,
        }),
        { maxLength: 2 },
      ),
      blobFileGarbages: fc.array(
        fc.record({ number: u64, garbageCount: u64, garbageBytes: u64, ...nowhere }),
        { maxLength: 2 },
      ),
      walAdditions: fc.array(
        fc
          .tuple(fc.record({ number: u64, ...nowhere }), some({ syncedSize: u64 }))
          .map(([must, may]) => ({ ...must, ...may })),
        { maxLength: 2 },
      ),
      unknown: fc.array(fc.record({ tag: fc.integer({ min: 0x3000, max: 0x3fff }), value: bytes }), {
        maxLength: 2,
      }),
    }),
  )
  .map(([fields, lists]) => ({ ...emptyEdit(), ...fields, ...lists }));

/** The edit without the places where its parts were found. */
function placeless(edit: VersionEdit): VersionEdit {
  const drop = <T extends object>(list: T[]): T[] => list.map((item) => ({ ...item, offset: 0, length: 0 }));
  return {
    ...edit,
    deletedFiles: drop(edit.deletedFiles),
    newFiles: drop(edit.newFiles),
    blobFileAdditions: drop(edit.blobFileAdditions),
    blobFileGarbages: drop(edit.blobFileGarbages),
    walAdditions: drop(edit.walAdditions),
  };
}

it('an edit that is encoded and decoded is the same edit', async () => {
  fc.assert(
    fc.property(anyEdit, (edit) => {
      const { edit: back, anomalies } = decodeVersionEdit(encodeVersionEdit(edit));
      expect(anomalies).toEqual([]);
      // a table's own field sets that of the edit
      const hidden = edit.newFiles.findLast((file) => file.minLogNumberToKeep !== undefined);
      const minLogNumberToKeep = hidden?.minLogNumberToKeep ?? edit.minLogNumberToKeep;
      expect(placeless(back)).toEqual({
        ...edit,
        ...(minLogNumberToKeep === undefined ? {} : { minLogNumberToKeep }),
      });
    }),
    { numRuns: 500 },
  );
});

it('records that are framed and read are the same records, wherever they are appended', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(70_000), { maxLength: 5 }),
      fc.array(fc.nat(70_000), { maxLength: 5 }),
      async (before, behind) => {
        const fill = (size: number, i: number) => new Uint8Array(size).fill(i + 1);
        const first = encodeLogRecords(before.map(fill));
        const file = Buffer.concat([first, encodeLogRecords(behind.map(fill), first.length)]);
        const sizes: number[] = [];
        const tail = await readManifestLog(memorySource(file), {
          record: ({ payload }) => sizes.push(payload.length),
          damage: (anomaly) => expect(anomaly).toBeUndefined(),
          oversized: () => expect.unreachable(),
        });
        expect(tail.state).toBe('clean');
        expect(sizes).toEqual([...before, ...behind]);
      },
    ),
    { numRuns: 60 },
  );
});

const manifests = fixtureNames()
  .filter((name) => !/pebble|leveldb/.test(name))
  .flatMap((name) =>
    [...fixture(name)]
      .filter(([file]) => /MANIFEST-\d+$/.test(file))
      .map(([file, content]) => ({ name: `${name}/${file}`, content })),
  );

describe.each(manifests)('$name', ({ content }) => {
  it('is byte for byte what encoding its records gives', async () => {
    const records: Uint8Array[] = [];
    await readManifestLog(memorySource(content), {
      record: ({ payload }) => records.push(encodeVersionEdit(decodeVersionEdit(payload).edit)),
      damage: () => {},
      oversized: () => expect.unreachable(),
    });
    expect(Buffer.from(encodeLogRecords(records)).equals(content)).toBe(true);
  });

  it('leads to the same version as a fresh MANIFEST written from it', async () => {
    const { version } = await replayBytes(content);
    const edits = snapshotEdits(version, { nextFileNumber: version.nextFileNumber!, trackWals: true });
    const fresh = await replayBytes(encodeLogRecords(edits.map(encodeVersionEdit)));
    expect(fresh.anomalies).toEqual([]);
    expect(comparable(fresh.version)).toEqual(comparable(version));
  });
});

it('keeps the files that virtual tables of Pebble are parts of', async () => {
  const payloads: Uint8Array[] = [];
  await readManifestLog(memorySource(fixture('pebble-stores/virtual').get('MANIFEST-000001')!), {
    record: ({ payload }) => payloads.push(payload.slice()),
    damage: () => expect.unreachable(),
    oversized: () => expect.unreachable(),
  });
  const edits = payloads.map((payload) => decodeVersionEdit(payload, 'pebble').edit);
  const again = edits.map((edit) => decodeVersionEdit(encodeVersionEdit(edit), 'pebble').edit);
  const parts = (all: typeof edits) =>
    all.map(({ backings, newFiles }) => [
      backings.map(({ number, size }) => [number, size]),
      newFiles.map(({ number, backing }) => [number, backing]),
    ]);
  expect(parts(again)).toEqual(parts(edits));
  expect(parts(edits).flat(2)).toContainEqual([8n, 5n]);
});

function comparable(version: Version) {
  return {
    ...version,
    maxColumnFamily: undefined,
    droppedColumnFamilies: undefined,
    previousLogNumber: version.previousLogNumber ?? 0n,
    columnFamilies: [...version.columnFamilies.values()].map((family) => ({
      ...family,
      // how the version came about is another history
      flushedSequence: undefined,
      isFlushKnown: undefined,
      tables: new Map(
        [...family.tables].map(([n, t]) => [
          n,
          { ...t, addedAt: 0, entry: undefined, flushedLog: undefined },
        ]),
      ),
      blobFiles: new Map([...family.blobFiles].map(([n, b]) => [n, { ...b, entry: undefined }])),
    })),
  };
}
