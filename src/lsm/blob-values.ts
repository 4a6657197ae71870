import type { ByteSource } from '../bytes/source.js';
import { decodeBlobIndex } from '../format/blob/blob-index.js';
import { isBlobFileFooter } from '../format/blob/footer.js';
import { decodeBlobFileHeader } from '../format/blob/header.js';
import { BLOB } from '../format/blob/layout.js';
import { readBlob } from '../format/blob/read-blob.js';
import { type BlockSpace, loadBlock } from '../format/sst/load.js';
import { SourceWindow } from '../format/sst/window.js';
import { openTitanBlobFile, type TitanBlobFile } from '../format/titan/blob-file.js';
import { readTitanValue } from '../format/titan/read-value.js';
import type { BlobFileList, Problem } from './cursor.js';
import { PebbleBlobValues } from './pebble-blob-values.js';
import type { ProblemLog } from './problems.js';
import type { StoreFile, StoreFiles } from './store-files.js';

/** Blob files that are open at a time, each with a read-ahead buffer. */
const OPEN_FILES = 8;
const READ_AHEAD = 256 * 1024;

export type BlobResult = { value: Uint8Array; problem?: undefined } | { value?: undefined; problem: Problem };

interface BlobFile {
  file: string;
  source: ByteSource;
  compression?: number;
  titan?: TitanBlobFile;
}

/**
 * Reads values that tables keep in blob files. A flush writes them in key order, so those of neighbouring keys mostly lie
 * after one another: they are read ahead.
 */
export class BlobValues {
  private readonly open = new Map<bigint, BlobFile | Problem>();
  private readonly pebble: PebbleBlobValues;

  /** `tables` has the tables that are open, by file name, for values that lie in the table itself. */
  constructor(
    private readonly files: StoreFiles,
    private readonly tables: ReadonlyMap<string, BlockSpace>,
    private readonly problems: ProblemLog,
  ) {
    this.pebble = new PebbleBlobValues(files);
  }

  /** The value that the blob index of user key `key` in `file` stands for. `listed`: `EntryCursor.blobFiles`, where it is a handle. */
  async read(index: Uint8Array, key: Uint8Array, file: string, listed?: BlobFileList): Promise<BlobResult> {
    if (listed !== undefined) return this.pebble.read(index, listed, file);
    const decoded = decodeBlobIndex(index);
    if (decoded.kind === 'malformed') return { problem: { file, message: decoded.error } };
    if (decoded.kind === 'titan') return this.readTitan(decoded, key, file);
    if (decoded.kind === 'inlined') return { value: decoded.value };
    if (decoded.fileNumber === 0n)
      return this.readEmbedded(Number(decoded.offset), Number(decoded.size), file);
    const blob = await this.blobFile(decoded.fileNumber);
    if ('message' in blob) return { problem: blob };
    const { offset, size, compression } = decoded;
    const place = { offset: Number(offset), length: Number(size) };
    const problem = (message: string): BlobResult => ({ problem: { file: blob.file, ...place, message } });
    if (blob.compression !== compression)
      return problem('The blob index and the blob file differ in compression');
    try {
      const { value, error } = await readBlob(blob.source, { offset, size, compression, key });
      return value === undefined ? problem(`A blob value cannot be read: ${error}`) : { value };
    } catch (error) {
      return problem(`A blob value cannot be read: ${text(error)}`);
    }
  }

  private async readTitan(
    { fileNumber, offset, size }: { fileNumber: bigint; offset: bigint; size: bigint },
    key: Uint8Array,
    file: string,
  ): Promise<BlobResult> {
    const store = this.files.titan?.(fileNumber);
    if (store === undefined)
      return { problem: { file, message: 'A value lies in a blob file of Titan, which cannot be reached' } };
    const blob = await this.kept(-fileNumber, () => openTitan(store));
    if ('message' in blob) return { problem: blob };
    const place = { offset: Number(offset), size: Number(size), key };
    const { value, error } = await readTitanValue(blob.source, blob.titan!, place).catch((failure) => ({
      value: undefined,
      error: text(failure),
    }));
    if (value !== undefined) return { value };
    const where = { file: blob.file, offset: place.offset, length: place.size };
    return { problem: { ...where, message: `A blob value cannot be read: ${error}` } };
  }

  async close(): Promise<void> {
    for (const blob of this.open.values()) if ('source' in blob) await blob.source.close();
    this.open.clear();
    await this.pebble.close();
  }

  private async readEmbedded(offset: number, size: number, file: string): Promise<BlobResult> {
    const problem = (message: string): BlobResult => ({ problem: { file, offset, length: size, message } });
    const space = this.tables.get(file);
    if (space === undefined) return problem('A blob index names its own table, but stands in none');
    const { contents, anomalies } = await loadBlock(space, { offset, size }, 'unknown');
    if (contents !== undefined && anomalies.length === 0) return { value: contents };
    return problem(`A blob value cannot be read: ${anomalies[0]?.message}`);
  }

  private blobFile(number: bigint): Promise<BlobFile | Problem> {
    return this.kept(number, () => this.openBlobFile(number));
  }

  /** Of Titan's the number is negative. */
  private async kept(number: bigint, open: () => Promise<BlobFile | Problem>): Promise<BlobFile | Problem> {
    let blob = this.open.get(number);
    if (blob !== undefined) this.open.delete(number);
    else {
      for (const [oldest, entry] of this.open) {
        if (this.open.size < OPEN_FILES) break;
        this.open.delete(oldest);
        if ('source' in entry) await entry.source.close();
      }
      blob = await open();
    }
    this.open.set(number, blob);
    return blob;
  }

  private async openBlobFile(number: bigint): Promise<BlobFile | Problem> {
    const { name: file, open } = this.files.blob(number);
    try {
      const source = readAhead(await open());
      const start = new Uint8Array(BLOB.headerLength);
      const { header, anomalies } = decodeBlobFileHeader(start.subarray(0, await source.read(start, 0)));
      const flaw = anomalies[0] ?? (await footerFlaw(source));
      // values have checksums of their own: a footer is no reason to give them up, though the engine does
      if (flaw === undefined || (anomalies.length === 0 && this.problems.add({ ...flaw, file })))
        return { file, source, compression: header?.compression };
      await source.close();
      return { ...flaw, file };
    } catch (error) {
      return { file, message: `A blob file cannot be opened: ${text(error)}` };
    }
  }
}

/** Opens a blob file of Titan, whose source the caller closes, or says why it cannot be read. */
export async function openTitan({
  name: file,
  open,
}: StoreFile): Promise<(BlobFile & { titan: TitanBlobFile }) | Problem> {
  try {
    const source = readAhead(await open());
    const titan = await openTitanBlobFile(source);
    const [flaw] = titan.flaws;
    if (flaw === undefined) return { file, source, titan };
    await source.close();
    const { offset, length, message, part } = flaw;
    return { file, offset, length, message: `The ${part} of a blob file of Titan is damaged: ${message}` };
  } catch (error) {
    return { file, message: `A blob file of Titan cannot be opened: ${text(error)}` };
  }
}

/** What is wrong with the footer. Without it the engine does not read the file. */
async function footerFlaw(source: ByteSource): Promise<Omit<Problem, 'file'> | undefined> {
  const offset = source.size - BLOB.footerLength;
  const end = new Uint8Array(BLOB.footerLength);
  if (offset >= BLOB.headerLength && (await source.read(end, offset)) === end.length && isBlobFileFooter(end))
    return undefined;
  const place = offset >= BLOB.headerLength ? { offset, length: BLOB.footerLength } : {};
  return { ...place, message: 'The footer of the blob file is missing or damaged' };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same source, read in larger pieces where less is asked for. */
function readAhead(source: ByteSource): ByteSource {
  const window = new SourceWindow(source, source.size, READ_AHEAD);
  return {
    size: source.size,
    descriptor: source.descriptor,
    close: () => source.close(),
    async read(into, offset) {
      if (into.length > READ_AHEAD) return source.read(into, offset);
      await window.ensure(offset, into.length);
      return window.copy(into, offset);
    },
  };
}
