/*
 * The index of type `hash` keeps, beside an ordinary one, which index entries hold keys of a prefix
 * (rocksdb table/block_based/hash_index... block_prefix_index.cc):
 *
 *   rocksdb.hashindex.prefixes   all prefixes end to end
 *   rocksdb.hashindex.metadata   repeated | prefix length varint32 | first index entry varint32 | entries varint32 |
 */
import type { Anomaly } from '../../finding/finding.js';
import { NumberReader } from '../../format/sst/handle.js';
import { anomaliesInFile, type LoadedBlock } from '../../format/sst/load.js';

/** Checks both blocks of a hash index against each other and against an index of `entries` blocks. */
export function checkHashIndexBlocks(
  prefixes: LoadedBlock,
  metadata: LoadedBlock,
  entries: number,
): Anomaly[] {
  const bytes = metadata.contents;
  if (bytes === undefined || prefixes.contents === undefined) return [];
  const complain = (offset: number, length: number, message: string) =>
    anomaliesInFile(metadata, [{ rule: 'sst/bad-hash-index', offset, length, message }]);
  const reader = new NumberReader(bytes, 0, bytes.length);
  let prefixBytes = 0;
  while (reader.position < bytes.length) {
    const at = reader.position;
    const length = reader.varint(5);
    const first = reader.varint(5);
    const count = reader.varint(5);
    if (reader.failed) return complain(at, bytes.length - at, 'an entry of the hash index cannot be decoded');
    prefixBytes += length;
    if (first + count > entries) {
      const message = `a prefix leads to index entries ${first} to ${first + count - 1} of ${entries}`;
      return complain(at, reader.position - at, message);
    }
  }
  const stored = prefixes.contents.length;
  if (prefixBytes === stored) return [];
  return complain(0, bytes.length, `the prefixes of the hash index take ${stored} bytes, not ${prefixBytes}`);
}
