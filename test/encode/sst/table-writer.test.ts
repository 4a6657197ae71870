import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTable } from '../../../src/check/sst/table.js';
import { compressionProperty, PropertyList } from '../../../src/encode/sst/properties.js';
import {
  fileChecksumBytes,
  type TableForm,
  type TablePiece,
  TableWriter,
  type WrittenTable,
} from '../../../src/encode/sst/table-writer.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { readDataBlocks } from '../../../src/format/sst/data-blocks.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { openTable } from '../../../src/format/sst/table.js';
import { openSource } from '../../../src/io/source.js';

const bytewise = comparatorNamed();
const hasSstDump = spawnSync('sst_dump', ['--help']).error === undefined;
if (!hasSstDump) console.log('sst_dump is not here: tables are only held against our own check');

interface Entry {
  key: Uint8Array;
  value: Uint8Array;
}

function freshProperties(form: TableForm): PropertyList {
  return new PropertyList()
    .text('comparator', form.comparator.name)
    .text('compression', compressionProperty(form.formatVersion, new Set([form.compression ?? 0])))
    .number('column.family.id', 0)
    .text('column.family.name', 'default')
    .number('key.largest.seqno', 0);
}

function bytesOf(pieces: readonly TablePiece[], source: Uint8Array = new Uint8Array(0)): Uint8Array {
  return Buffer.concat(
    pieces.map((piece) =>
      piece.from === 'bytes' ? piece.bytes : source.subarray(piece.offset, piece.offset + piece.length),
    ),
  );
}

function write(form: TableForm, entries: readonly Entry[]): { bytes: Uint8Array; table: WrittenTable } {
  const writer = new TableWriter(form);
  for (const { key, value } of entries) writer.add(key, value);
  const table = writer.finish(freshProperties(form));
  return { bytes: bytesOf(writer.take()), table };
}

async function readBack(bytes: Uint8Array): Promise<Entry[]> {
  const table = await openTable(await openSource({ kind: 'memory', bytes }));
  const entries: Entry[] = [];
  for await (const block of readDataBlocks(table)) {
    for (const { key, sequence, type, value } of block.entries()) {
      entries.push({ key: internalKey(key, sequence, type), value: value.slice() });
    }
  }
  return entries;
}

async function findingsOf(bytes: Uint8Array, table?: WrittenTable) {
  const source = await openSource({ kind: 'memory', bytes });
  const live = table?.smallest && {
    columnFamily: 0,
    level: 0,
    number: 9n,
    pathId: 0,
    size: BigInt(table.size),
    smallest: table.smallest,
    largest: table.largest!,
    smallestSequence: table.smallestSequence,
    largestSequence: table.largestSequence,
    fileChecksum: fileChecksumBytes(table.crc),
    fileChecksumFunction: 'FileChecksumCrc32c',
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
  const { findings, unchecked } = await checkTable(source, {
    dialect: 'rocksdb',
    file: '000009.sst',
    number: 9n,
    depth: 'full',
    ...(live && { live }),
  });
  return [...findings.map((f) => `${f.rule}: ${f.message}`), ...unchecked.map((u) => u.reason)];
}

/** Entries in internal-key order, each key once or several times at falling sequences. */
const someEntries = fc
  .uniqueArray(
    fc.record({
      name: fc.uint8Array({ minLength: 1, maxLength: 24 }),
      value: fc.uint8Array({ maxLength: 400 }),
      versions: fc.integer({ min: 1, max: 3 }),
      type: fc.constantFrom(VALUE_TYPE.put, VALUE_TYPE.delete, VALUE_TYPE.merge),
    }),
    { minLength: 1, maxLength: 120, selector: ({ name }) => Buffer.from(name).toString('hex') },
  )
  .map((drawn) => {
    drawn.sort((a, b) => Buffer.compare(a.name, b.name));
    return drawn.flatMap(({ name, value, versions, type }, i) =>
      Array.from({ length: versions }, (_, k) => ({
        key: internalKey(name, BigInt(1000 * (i + 1) - k), type),
        value: type === VALUE_TYPE.delete ? new Uint8Array(0) : value,
      })),
    );
  });

const someForm = fc.record({
  formatVersion: fc.integer({ min: 0, max: 7 }),
  checksumType: fc.integer({ min: 0, max: 4 }),
  compression: fc.constantFrom(0, 1, 4, 7),
  filter: fc.boolean(),
});

function formOf({
  formatVersion,
  checksumType,
  compression,
  filter,
}: {
  formatVersion: number;
  checksumType: number;
  compression: number;
  filter: boolean;
}): TableForm {
  return {
    formatVersion,
    // version 0 has no field for it
    checksumType: formatVersion === 0 ? 1 : checksumType,
    baseContext: formatVersion >= 6 ? 0x51a3c2d1 : 0,
    comparator: bytewise,
    filter,
    // the compressor writes the size prefixes of format 2
    compression: formatVersion < 2 ? 0 : compression,
  };
}

describe('a table that is written', () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kvdoctor-writer-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is as it should be in every form, and holds what was put in', async () => {
    await fc.assert(
      fc.asyncProperty(someForm, someEntries, async (drawn, entries) => {
        const { bytes, table } = write(formOf(drawn), entries);
        expect(await findingsOf(bytes, table)).toEqual([]);
        expect(await readBack(bytes)).toEqual(entries);
      }),
      { numRuns: 60 },
    );
  });

  it('copies blocks to another place under checksums for it', async () => {
    await fc.assert(
      fc.asyncProperty(someForm, someEntries, fc.nat(), async (drawn, entries, dropped) => {
        const form = formOf(drawn);
        const { bytes } = write(form, entries);
        const original = await openTable(await openSource({ kind: 'memory', bytes }));
        const writer = new TableWriter(form);
        const kept: Entry[] = [];
        const leftOut = dropped % original.index!.count;
        for await (const block of readDataBlocks(original)) {
          if (block.ordinal === leftOut && original.index!.count > 1) continue;
          const { offset, size } = block.handle;
          const payload = bytes.subarray(offset, offset + size);
          expect(writer.copyBlock(offset, payload, block.compression, block.contents!)).toBe(true);
          for (const { key, sequence, type, value } of block.entries())
            kept.push({ key: internalKey(key, sequence, type), value: value.slice() });
        }
        const table = writer.finish(freshProperties(form));
        const copy = bytesOf(writer.take(), bytes);
        expect(await findingsOf(copy, table)).toEqual([]);
        expect(await readBack(copy)).toEqual(kept);
      }),
      { numRuns: 40 },
    );
  });

  it('holds range tombstones, in order and inside its bounds', async () => {
    const form = formOf({ formatVersion: 5, checksumType: 4, compression: 0, filter: true });
    const writer = new TableWriter(form);
    writer.add(internalKey(Buffer.from('k'), 5n, VALUE_TYPE.put), Buffer.from('v'));
    writer.addRangeTombstone(Buffer.from('x'), Buffer.from('z'), 9n);
    writer.addRangeTombstone(Buffer.from('a'), Buffer.from('c'), 3n);
    const table = writer.finish(freshProperties(form));
    const bytes = bytesOf(writer.take());
    expect(await findingsOf(bytes, table)).toEqual([]);
    const { rangeTombstones } = await openTable(await openSource({ kind: 'memory', bytes }));
    expect(rangeTombstones.map(({ start, sequence }) => `${Buffer.from(start)}@${sequence}`)).toEqual([
      'a@3',
      'x@9',
    ]);
    expect([table.smallestSequence, table.largestSequence]).toEqual([3n, 9n]);
  });

  it.runIf(hasSstDump)('passes sst_dump', () => {
    fc.assert(
      fc.property(someForm, someEntries, (drawn, entries) => {
        const form = formOf({ ...drawn, formatVersion: drawn.formatVersion % 6 });
        const file = join(directory, '000009.sst');
        const { bytes } = write(form, entries);
        writeFileSync(file, bytes);
        for (const command of ['verify', 'check']) {
          const { stdout, stderr } = spawnSync('sst_dump', [
            `--file=${file}`,
            `--command=${command}`,
            '--verify_checksum',
          ]);
          expect(`${stdout}${stderr}`).not.toMatch(/corrupt|mismatch|not ok|Error/i);
        }
        const listed = execFileSync('sst_dump', [
          `--file=${file}`,
          '--command=scan',
          '--output_hex',
        ]).toString();
        expect(listed.split('\n').filter((line) => / seq:\d+, type:/.test(line))).toHaveLength(
          entries.length,
        );
      }),
      { numRuns: 8 },
    );
  });
});
