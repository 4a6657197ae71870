import { codecOfBlock, decompressBlock, isUnsupported } from '../../codec/block.js';
import { BlockReader } from '../../format/sst/block.js';
import type { dataCompression } from '../../format/sst/table.js';

/** Types that mean a codec to some engine. */
const COMPRESSED_TYPES = [1, 2, 3, 4, 7];

/** The codec under which the payload of a block that does not decode as it stands is a whole one. */
export function hiddenCodec(
  payload: Uint8Array,
  compression: ReturnType<typeof dataCompression> & { limit: number },
): string | undefined {
  for (const type of COMPRESSED_TYPES) {
    const codec = codecOfBlock(type, payload, compression.dialect);
    if (codec === undefined || isUnsupported(codec)) continue;
    const { bytes } = decompressBlock(type, payload, compression);
    if (bytes === undefined) continue;
    const reader = new BlockReader(bytes);
    if (reader.next() === undefined) continue;
    while (reader.next() !== undefined);
    if (reader.anomalies.length === 0) return codec;
  }
  return undefined;
}
