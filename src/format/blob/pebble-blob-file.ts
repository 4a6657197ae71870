import type { ByteSource } from '../../bytes/source.js';
import type { Anomaly } from '../../finding/finding.js';
import { type BlockSpace, type LoadedBlock, loadBlock } from '../sst/load.js';
import {
  decodePebbleBlobFooter,
  decodePebbleBlobIndex,
  PEBBLE_BLOB_FOOTER,
  type PebbleBlobFooter,
  type ValuesIndex,
} from './pebble-blob.js';

/** A blob file of Pebble whose footer and index have been read. */
export interface PebbleBlobFile {
  footer: PebbleBlobFooter;
  /** Where its blocks come from. */
  space: BlockSpace;
  /** The block of the index, with what is wrong with it. */
  indexBlock: LoadedBlock;
  /** Absent where that block is damaged; a sentence where it does not decode. */
  index?: ValuesIndex | string;
}

/** The footer of a blob file of Pebble, and what is wrong with it in file offsets. Rejects only when the medium fails. */
export async function readPebbleBlobFooter(
  source: ByteSource,
): Promise<{ footer?: PebbleBlobFooter; anomalies: Anomaly[]; bytesRead: number }> {
  const tail = new Uint8Array(Math.min(PEBBLE_BLOB_FOOTER, source.size));
  const bytesRead = await source.read(tail, source.size - tail.length);
  return { ...decodePebbleBlobFooter(tail, source.size), bytesRead };
}

/** Reads the index of a blob file of Pebble with that footer. Rejects only when the medium fails. */
export async function openPebbleBlob(source: ByteSource, footer: PebbleBlobFooter): Promise<PebbleBlobFile> {
  const space: BlockSpace = {
    source,
    limit: source.size - footer.length,
    compression: { dialect: 'pebble' },
    checksumType: footer.checksumType,
    baseContext: 0,
  };
  const indexBlock = await loadBlock(space, footer.index, 'value-index');
  const whole = wholeContents(indexBlock);
  return {
    footer,
    space,
    indexBlock,
    ...(whole && { index: decodePebbleBlobIndex(whole, footer.index.offset) }),
  };
}

/** What stands in a block in which nothing is wrong. */
export function wholeContents({ contents, sound, anomalies }: LoadedBlock): Uint8Array | undefined {
  return sound && anomalies.length === 0 ? contents : undefined;
}
