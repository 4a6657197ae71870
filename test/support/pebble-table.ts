import fs from 'node:fs';
import path from 'node:path';
import { compressionProperty, PropertyList } from '../../src/encode/sst/properties.js';
import { TableWriter } from '../../src/encode/sst/table-writer.js';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';

/**
 * Writes a table as a compaction of Pebble into the lowest level leaves it, without sequences, or as a flush does, from `first` on. Puts have no
 * prefix bytes: in RocksDB's format, or, `own`, in Pebble's v2. Returns its size.
 */
export function writeTable(
  dir: string,
  number: number,
  puts: Record<string, string>,
  { first = 0n, own = false, order = undefined as string | undefined } = {},
): number {
  const comparator = comparatorNamed(order);
  const form = { formatVersion: 2, checksumType: 1, baseContext: 0, comparator, filter: false };
  const writer = new TableWriter({ ...form, pebble: { prefixed: false }, pebbleFooter: own });
  for (const [i, [key, value]] of Object.entries(puts).entries())
    writer.add(internalKey(Buffer.from(key), first && first + BigInt(i), VALUE_TYPE.put), Buffer.from(value));
  writer.finish(
    new PropertyList()
      .text('comparator', comparator.name)
      .text('compression', compressionProperty(form.formatVersion, new Set([0]))),
  );
  const bytes = writer.take().map((piece) => (piece.from === 'bytes' ? piece.bytes : new Uint8Array(0)));
  fs.writeFileSync(path.join(dir, `${String(number).padStart(6, '0')}.sst`), Buffer.concat(bytes));
  return Buffer.concat(bytes).length;
}
