import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../src/encode/manifest/snapshot.js';
import { compressionProperty, PropertyList } from '../../src/encode/sst/properties.js';
import { type TableForm, TableWriter } from '../../src/encode/sst/table-writer.js';
import { emptyVersion } from '../../src/format/manifest/apply.js';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';

const form: TableForm = {
  formatVersion: 5,
  checksumType: 4,
  baseContext: 0,
  comparator: comparatorNamed(),
  filter: true,
  compression: 0,
};

/** A table with `entries` keys that begin with its number. */
function table(number: number, entries: number) {
  const writer = new TableWriter(form);
  for (let i = 0; i < entries; i++) {
    const key = Buffer.from(`${String(number).padStart(6, '0')}:${String(i).padStart(6, '0')}`);
    writer.add(
      internalKey(key, BigInt(number * 1000 + 1), VALUE_TYPE.put),
      Buffer.from(`value ${i} `.repeat(8)),
    );
  }
  const properties = new PropertyList()
    .text('comparator', form.comparator.name)
    .text('compression', compressionProperty(form.formatVersion, new Set([0])))
    .number('column.family.id', 0)
    .text('column.family.name', 'default')
    .number('key.largest.seqno', number * 1000 + 1);
  const written = writer.finish(properties);
  const pieces = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
  return { written, bytes: Buffer.concat(pieces) };
}

/**
 * Writes a healthy database of `count` tables on level 1 with up to about `most` entries, 80 bytes each: real tables and a real
 * MANIFEST, of kvdoctor's own writing, since a real engine takes minutes for as many.
 */
export async function writeManyTables(directory: string, count: number, most = 400): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const version = emptyVersion();
  const family = version.columnFamilies.get(0)!;
  family.comparator = form.comparator.name;
  family.logNumber = 5n;
  for (let i = 0; i < count; i++) {
    const number = 10 + i;
    const { written, bytes } = table(number, 3 + ((i * 7919) % most));
    writeFileSync(join(directory, `${String(number).padStart(6, '0')}.sst`), bytes);
    family.tables.set(BigInt(number), {
      columnFamily: 0,
      level: 1,
      number: BigInt(number),
      pathId: 0,
      size: BigInt(written.size),
      smallest: written.smallest!,
      largest: written.largest!,
      smallestSequence: written.smallestSequence,
      largestSequence: written.largestSequence,
      addedAt: 0,
      entry: { offset: 0, length: 0 },
    });
  }
  version.lastSequence = BigInt((10 + count) * 1000);
  const edits = snapshotEdits(version, { nextFileNumber: BigInt(20 + count) });
  writeFileSync(join(directory, 'MANIFEST-000006'), encodeLogRecords(edits.map(encodeVersionEdit)));
  writeFileSync(join(directory, 'CURRENT'), 'MANIFEST-000006\n');
  writeFileSync(join(directory, 'IDENTITY'), '6f7d1f9e-0000-4000-8000-000000000001');
}
