import type { SourceDescriptor, StoreSettings } from '../bytes/source.js';
import type { Compression } from '../io/archive-stream.js';
import { isObjectAddress } from '../io/objects/address.js';
import { pathKind } from '../io/path-kind.js';
import { systemCode } from '../io/target-error.js';
import type { TemporaryFile } from '../io/temporary-file.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import type { Host } from './host.js';
import { inputPieces } from './input.js';
import { watchInterrupt } from './interrupt.js';
import { say } from './say.js';
import { type StoreFlags, storeOf } from './store-options.js';

/** As which a command is given standard input. */
export const STANDARD_INPUT = '-';

/**
 * Hands the paths to `body`, with a file in place of `-`: standard input is read to its end, once and with little memory, into a temporary
 * file, since an archive says only at its end what its beginning is part of. The file is removed when `body` is done.
 */
export async function withStandardInput<T>(
  paths: readonly string[],
  host: Host,
  body: (paths: string[]) => Promise<T>,
): Promise<T> {
  const wanted = paths.filter((path) => path === STANDARD_INPUT).length;
  if (wanted === 0) return body([...paths]);
  if (wanted > 1) throw new Failure('standard input can be read once: give - once');
  if (host.stdin.isTTY) {
    throw new Failure(
      'standard input is a terminal',
      ExitStatus.usage,
      'Pipe an archive into it: a tar archive, as it is or compressed with gzip or zstd, or a zip archive.',
    );
  }
  const file = await spool(host);
  try {
    return await body(paths.map((path) => (path === STANDARD_INPUT ? file.path : path)));
  } finally {
    await file.remove();
  }
}

/**
 * Hands a path to `body` as something that can be read at any offset: standard input as a file, and a compressed tar archive, from a pipe, a
 * bucket or a file, unpacked into an uncompressed one; that is said, unless `quiet`.
 */
export function withSeekable<T>(
  path: string,
  host: Host,
  body: (file: string) => Promise<T>,
  { quiet, ...store }: StoreFlags & { quiet?: boolean } = {},
): Promise<T> {
  return withStandardInput([path], host, async ([file]) => {
    const packed = isObjectAddress(file)
      ? await packedObject(file, storeOf(store).store)
      : await packedFile(file);
    if (packed === undefined) return body(file);
    const what = path === STANDARD_INPUT ? 'standard input' : path;
    if (!quiet)
      say(host, `kvdoctor: ${what} is unpacked into the directory for temporary files while it is looked at`);
    const unpacked = await keep(what, host, async (signal) => {
      const { archive, compression } = packed;
      const { openArchiveStream, temporaryFile } = await archives();
      if (typeof archive !== 'string' && compression === 'none')
        return (await import('../io/objects/archive.js')).keptObject(file, archive);
      const stream = await openArchiveStream(archive, compression, () => {}, signal);
      return temporaryFile('stdin.tar', stream);
    });
    try {
      return await body(unpacked.path);
    } finally {
      await unpacked.remove();
    }
  });
}

/** An archive that is unpacked before it is looked at; of zip, in a bucket alone, it is copied. */
interface Packed {
  archive: string | SourceDescriptor;
  compression: Compression;
}

async function packedFile(archive: string): Promise<Packed | undefined> {
  // what is not there, or may not be read, is for the command to say
  if ((await pathKind(archive).catch(() => undefined)) !== 'file') return undefined;
  const { sniffArchive } = await archives();
  const { compression = 'none' } = (await sniffArchive(archive).catch(() => undefined)) ?? {};
  return compression === 'none' ? undefined : { archive, compression };
}

async function packedObject(target: string, store?: StoreSettings): Promise<Packed | undefined> {
  const { isRanges, storedArchive } = await import('../io/objects/archive.js');
  const found = await storedArchive(target, store).catch(() => undefined);
  if (found === undefined || isRanges(found.kind)) return undefined;
  return { archive: found.source, compression: found.kind.compression };
}

function spool(host: Host): Promise<TemporaryFile> {
  return keep('standard input', host, async (signal) => {
    signal.addEventListener('abort', () => host.stdin.destroy());
    const { archiveNameFor, HEAD, temporaryFile } = await archives();
    const { first, all } = await begun(inputPieces(STANDARD_INPUT, host), HEAD);
    const name = archiveNameFor(first);
    if (name === undefined && !signal.aborted) {
      throw new Failure(
        'standard input is no archive',
        ExitStatus.incomplete,
        'What is read is a tar archive, as it is or compressed with gzip or zstd, or a zip archive.',
      );
    }
    return temporaryFile(name ?? '', all);
  });
}

/** Makes a temporary file; Ctrl-C ends that. */
async function keep(
  what: string,
  host: Host,
  make: (signal: AbortSignal) => Promise<TemporaryFile>,
): Promise<TemporaryFile> {
  const interrupt = watchInterrupt(host, () => 'ending; nothing has been looked at');
  const interrupted = () => new Failure(`interrupted while ${what} was read`, ExitStatus.interrupted);
  try {
    const made = await make(interrupt.signal);
    if (!interrupt.signal.aborted) return made;
    await made.remove();
    throw interrupted();
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (interrupt.signal.aborted) throw interrupted();
    const isSystem = systemCode(error) !== undefined && systemCode(error) !== 'ENOTSUP';
    const reason = isSystem ? systemText(error) : error instanceof Error ? error.message : String(error);
    throw new Failure(
      `${what} cannot be kept: ${reason}`,
      ExitStatus.incomplete,
      isSystem
        ? 'It is kept in the directory for temporary files while it is looked at: TMPDIR names one with room.'
        : 'kvdoctor scan checks what comes before the damage.',
    );
  } finally {
    interrupt.release();
  }
}

/** Loaded where there is an archive: what unpacks it takes longer to load than a small directory to scan. */
async function archives() {
  return { ...(await import('../io/archive-stream.js')), ...(await import('../io/temporary-file.js')) };
}

/** The first bytes of a stream, `length` of them or all that there are, and all of it. */
async function begun(
  pieces: AsyncGenerator<Uint8Array>,
  length: number,
): Promise<{ first: Uint8Array; all: AsyncIterable<Uint8Array> }> {
  const read: Uint8Array[] = [];
  for (let got = 0; got < length; ) {
    const { done, value } = await pieces.next();
    if (done) break;
    read.push(value);
    got += value.length;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield* read;
    yield* pieces;
  }
  return { first: Buffer.concat(read), all: all() };
}
