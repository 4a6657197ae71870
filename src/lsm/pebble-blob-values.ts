import type { ByteSource } from '../bytes/source.js';
import type { Range } from '../finding/finding.js';
import { decodeValues, type Values, type ValuesIndex } from '../format/blob/pebble-blob.js';
import {
  openPebbleBlob,
  type PebbleBlobFile,
  readPebbleBlobFooter,
  wholeContents,
} from '../format/blob/pebble-blob-file.js';
import { blockRange, type LoadedBlock, loadBlock } from '../format/sst/load.js';
import { blobHandle } from '../format/sst/value-blocks.js';
import type { BlobResult } from './blob-values.js';
import type { BlobFileList, Problem } from './cursor.js';
import type { StoreFiles } from './store-files.js';

/** Files that are open at a time: a compaction leaves values of neighbouring keys in several. */
const OPEN_FILES = 32;
/** Bytes of decompressed blocks that are kept, beside the one that was read last. */
const KEPT_BYTES = 16 << 20;

interface OpenFile extends Pick<PebbleBlobFile, 'space'> {
  file: string;
  index: ValuesIndex;
}

interface KeptBlock {
  values: Values;
  size: number;
}

/** Where a value lies: a row of a block, whose bytes of the file the range is. */
interface ValueInBlock extends Range {
  file: string;
  fileNumber: bigint;
  valueInBlock: number;
}

/** Reads values that tables of Pebble keep in blob files. */
export class PebbleBlobValues {
  private readonly open = new Map<bigint, OpenFile | Problem>();
  private readonly blocks = new Map<string, KeptBlock | Problem>();
  private keptBytes = 0;

  constructor(private readonly files: Pick<StoreFiles, 'blob'>) {}

  /**
   * The value that a handle in table `file` stands for, prefix byte included. `listed`: the files that handles of the table name. A view of
   * a block, which nothing overwrites.
   */
  async read(
    handle: Uint8Array,
    listed: BlobFileList,
    file: string,
  ): Promise<BlobResult & { place?: ValueInBlock }> {
    const problem = (message: string): BlobResult => ({ problem: { file, message } });
    const decoded = blobHandle(handle, 0, handle.length);
    if (decoded === undefined) return problem('A handle of a value in a blob file does not decode');
    const { reference, length, block, value } = decoded;
    const number = listed[reference];
    if (number === undefined)
      return problem(
        reference < listed.length
          ? `A value lies in blob file ${reference} of the table's list, which the MANIFEST does not name`
          : `A value lies in blob file ${reference} of the table's list, which has ${listed.length}`,
      );
    const opened = await this.openFile(number);
    if ('message' in opened) return { problem: opened };
    const found = opened.index.locate(block, value);
    if (found === undefined)
      return problem(`A value lies in block ${block} of ${opened.file}, which has no such block`);
    const where = { file: opened.file, ...blockRange(opened.index.blocks[found.block]) };
    const place = { ...where, fileNumber: number, valueInBlock: found.row };
    const kept = await this.block(number, opened, found.block);
    if ('message' in kept) return { problem: kept, place };
    const { values } = kept;
    const bytes = found.row < values.count ? values.value(found.row) : undefined;
    if (bytes?.length === length) return { value: bytes, place };
    const message =
      bytes === undefined
        ? `A value would be number ${found.row} of a block of ${values.count} values`
        : `A value has ${bytes.length} bytes, and ${file} says ${length}`;
    return { problem: { ...where, message }, place };
  }

  async close(): Promise<void> {
    for (const each of this.open.values()) if ('space' in each) await each.space.source.close();
    this.open.clear();
    this.blocks.clear();
    this.keptBytes = 0;
  }

  private async openFile(number: bigint): Promise<OpenFile | Problem> {
    let found = this.open.get(number);
    if (found !== undefined) this.open.delete(number);
    else {
      for (const [oldest, each] of this.open) {
        if (this.open.size < OPEN_FILES) break;
        this.open.delete(oldest);
        if ('space' in each) await each.space.source.close();
      }
      found = await this.openNumbered(number);
    }
    this.open.set(number, found);
    return found;
  }

  private async openNumbered(number: bigint): Promise<OpenFile | Problem> {
    const { name: file, open } = this.files.blob(number);
    try {
      const source = await open();
      const opened = await openWhole(source, file);
      if ('message' in opened) await source.close();
      return opened;
    } catch (error) {
      return { file, message: `A blob file cannot be opened: ${text(error)}` };
    }
  }

  private async block(number: bigint, opened: OpenFile, block: number): Promise<KeptBlock | Problem> {
    const name = `${number}/${block}`;
    let found = this.blocks.get(name);
    if (found !== undefined) this.blocks.delete(name);
    else {
      found = await readBlock(opened, block);
      this.keptBytes += sizeOf(found);
      for (const [oldest, each] of this.blocks) {
        if (this.keptBytes <= KEPT_BYTES) break;
        this.blocks.delete(oldest);
        this.keptBytes -= sizeOf(each);
      }
    }
    this.blocks.set(name, found);
    return found;
  }
}

/** A blob file whose footer and index are whole: the engine reads no value without them. */
async function openWhole(source: ByteSource, file: string): Promise<OpenFile | Problem> {
  const { footer, anomalies } = await readPebbleBlobFooter(source);
  if (footer === undefined) {
    const { offset, length, message } = anomalies[0];
    return { file, offset, length, message: `The footer of a blob file is damaged: ${message}` };
  }
  const { space, index, indexBlock } = await openPebbleBlob(source, footer);
  if (index !== undefined && typeof index !== 'string') return { file, space, index };
  const reason = index ?? reasonOf(indexBlock);
  return { file, ...blockRange(footer.index), message: `The index of a blob file cannot be read: ${reason}` };
}

async function readBlock({ file, space, index }: OpenFile, block: number): Promise<KeptBlock | Problem> {
  const handle = index.blocks[block];
  const problem = (reason: string): Problem => ({
    ...{ file, ...blockRange(handle) },
    message: `A block of values cannot be read: ${reason}`,
  });
  try {
    const loaded = await loadBlock(space, handle, 'value');
    const contents = wholeContents(loaded);
    if (contents === undefined) return problem(reasonOf(loaded));
    const values = decodeValues(contents);
    return typeof values === 'string' ? problem(values) : { values, size: contents.length };
  } catch (error) {
    return problem(text(error));
  }
}

const reasonOf = ({ anomalies, unsupported }: LoadedBlock): string =>
  anomalies[0]?.message ?? unsupported ?? 'it is damaged';

const sizeOf = (block: KeptBlock | Problem): number => ('values' in block ? block.size : 0);

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
