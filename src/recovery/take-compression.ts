import { loadCodecs } from '../codec/block.js';
import { decodeCompression, WAL_ZSTD } from '../format/log/metadata.js';
import type { LogParser } from '../format/log/parser.js';
import { RecordKind } from '../format/log/types.js';

/** For metadata that a parser has met: records behind it are compressed where it says so. */
export async function takeCompression(parser: LogParser): Promise<void> {
  if (parser.metadataKind !== RecordKind.compression) return;
  const { record } = parser;
  const payload = record.bytes.subarray(record.start, record.end);
  parser.compressed = decodeCompression(payload).value === WAL_ZSTD;
  if (parser.compressed) await loadCodecs();
}
