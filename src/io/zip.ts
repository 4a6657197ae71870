import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { SourceDescriptor } from '../bytes/source.js';
import { type ArchiveDamage, memberPath } from './archive.js';
import { inflated, pieces } from './deflated.js';
import { openUnretried } from './source.js';
import { systemCode } from './target-error.js';

/** One file in a zip archive. */
interface ZipMember {
  /** With `/`. */
  path: string;
  /** Bytes, unpacked, as the archive's directory has it. */
  size: number;
  mtimeMs: number;
  /** Reads it at any offset, each time it is opened. */
  source: SourceDescriptor;
}

const STORED = 0;
const DEFLATED = 8;

/** How a zip archive is read. `verify`: every file is unpacked and held against its checksum. */
interface ZipReading {
  verify: boolean;
  onRead(bytes: number): void;
  signal?: AbortSignal;
}

/**
 * Hands every file of a zip archive to `visit`, in the order of the archive's directory. That stands at the end: of an archive that was
 * cut short nothing is known. Returns what is wrong with the archive itself, if anything.
 */
export async function walkZip(
  archive: string,
  reading: ZipReading,
  visit: (member: ZipMember) => void,
): Promise<ArchiveDamage | undefined> {
  const broken: { path: string; reason: string }[] = [];
  let zip: ZipFile | undefined;
  let readBytes = 0;
  try {
    zip = await yauzl.openPromise(archive, options);
    for await (const entry of zip.eachEntry()) {
      if (reading.signal?.aborted) break;
      const path = pathOf(entry);
      if (path.endsWith('/')) continue;
      const { source, reason } = await sourceOf(archive, zip, entry);
      const wrong = reason ?? (reading.verify ? await reasonAgainst(source, entry) : undefined);
      if (wrong !== undefined) broken.push({ path, reason: wrong });
      readBytes += entry.compressedSize;
      reading.onRead(entry.compressedSize);
      const mtimeMs = entry.getLastModDate().getTime() || 0;
      visit({ path, size: entry.uncompressedSize, mtimeMs, source });
    }
  } catch (error) {
    const reason = reasonOf(error);
    // what says where the directory is stands last
    return { kind: zip === undefined ? 'cut-short' : 'damaged', reason, readBytes, tarBytes: 0 };
  } finally {
    zip?.close();
  }
  const [first] = broken;
  if (first === undefined) return undefined;
  const members = broken.map(({ path }) => path);
  return { kind: 'damaged', reason: first.reason, readBytes, tarBytes: 0, members };
}

/** Names are bytes here, so that none is refused; sizes are held against what is there by us. */
const options = { autoClose: false, lazyEntries: true, decodeStrings: false, validateEntrySizes: false };

/** As tar archives have it: some programs on Windows write `\\`. */
function pathOf({ fileNameRaw }: Entry): string {
  return memberPath(fileNameRaw.toString('utf8').replaceAll('\\', '/'));
}

/** How a file is read, or, where it cannot be, a source that rejects, and why. */
async function sourceOf(
  archive: string,
  zip: ZipFile,
  entry: Entry,
): Promise<{ source: SourceDescriptor; reason?: string }> {
  const { compressionMethod, compressedSize: length, uncompressedSize: size } = entry;
  const none: SourceDescriptor = { kind: 'archived', archive, member: pathOf(entry) };
  if (entry.isEncrypted()) return { source: none, reason: 'encrypted' };
  if (compressionMethod !== STORED && compressionMethod !== DEFLATED)
    return { source: none, reason: `compressed by method ${compressionMethod}, which is not read here` };
  try {
    const { fileDataStart: offset } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed: SourceDescriptor = {
      kind: 'pieces',
      pieces: [{ of: { kind: 'file', path: archive }, offset, length }],
    };
    return { source: compressionMethod === STORED ? packed : { kind: 'deflated', of: packed, size } };
  } catch (error) {
    return { source: none, reason: reasonOf(error) };
  }
}

/** Why a file does not come out as it was packed. */
async function reasonAgainst(source: SourceDescriptor, entry: Entry): Promise<string | undefined> {
  if (source.kind === 'archived') return undefined;
  const packed = await openUnretried(source.kind === 'deflated' ? source.of : source);
  let size = 0;
  let checksum = 0;
  try {
    for await (const chunk of source.kind === 'deflated' ? inflated(packed) : pieces(packed)) {
      size += chunk.length;
      checksum = crc32(chunk, checksum);
      if (size > entry.uncompressedSize) break;
    }
  } catch (error) {
    return reasonOf(error);
  } finally {
    await packed.close();
  }
  if (size !== entry.uncompressedSize) return 'it has another size than the archive states';
  return checksum === entry.crc32 ? undefined : 'it does not match the checksum in the archive';
}

/** What the archive's reader says of it. Rethrows what the system says. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error) || systemCode(error) !== undefined || error.constructor !== Error)
    throw error;
  return error.message;
}
