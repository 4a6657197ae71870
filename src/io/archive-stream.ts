import { createReadStream } from 'node:fs';
import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { SourceDescriptor } from '../bytes/source.js';
import { isSkippable } from '../codec/zstd-frame.js';
import { ZstdStream } from '../codec/zstd-stream.js';
import { pieces } from './deflated.js';
import { openUnretried } from './source.js';

export type Compression = 'none' | 'gzip' | 'zstd';

/** What a file is as an archive; `undefined` for other files. */
export interface ArchiveKind {
  format: 'tar' | 'zip';
  /** Around all of a tar archive. A zip archive packs each file by itself, so that it can be read by itself. */
  compression: Compression;
}

const tarNames = /\.(?:tar|tar\.gz|tgz|tar\.zst|tar\.zstd|tzst)$/i;

/** Zip archives, those in which Minecraft keeps a world among them. */
const zipNames = /\.(?:zip|mcworld|mctemplate)$/i;

/** Whether a file is called as archives are. */
export const isArchiveName = (name: string): boolean => tarNames.test(name) || zipNames.test(name);

/** Bytes from the beginning of a file that tell whether it is an archive. */
export const HEAD = 512;

/**
 * Whether a file is a tar archive, by its name or by the magic of an uncompressed one, or a zip archive, by its name or its magic; how it is
 * compressed, by content.
 */
export async function sniffArchive(
  path: string | Buffer,
  source: SourceDescriptor = { kind: 'file', path },
): Promise<ArchiveKind | undefined> {
  const opened = await openUnretried(source);
  try {
    const head = new Uint8Array(HEAD);
    await opened.read(head, 0);
    return archiveKind(head, path.toString());
  } finally {
    await opened.close();
  }
}

function archiveKind(head: Uint8Array, name: string): ArchiveKind | undefined {
  const text = Buffer.from(head).toString('latin1');
  if (text.slice(257, 262) === 'ustar') return { format: 'tar', compression: 'none' };
  if (text.startsWith('PK\x03\x04') || zipNames.test(name)) return { format: 'zip', compression: 'none' };
  if (!tarNames.test(name)) return undefined;
  if (text.startsWith('\x1f\x8b')) return { format: 'tar', compression: 'gzip' };
  const isZstd = text.startsWith('\x28\xb5\x2f\xfd') || isSkippable(head);
  return { format: 'tar', compression: isZstd ? 'zstd' : 'none' };
}

/** A name for an archive that has none, by its first `HEAD` bytes; `undefined`: it is no archive. */
export function archiveNameFor(head: Uint8Array): string | undefined {
  const kind = archiveKind(head, 'stdin.tar');
  if (kind?.format === 'zip') return 'stdin.zip';
  if (kind?.compression === 'gzip') return 'stdin.tar.gz';
  if (kind?.compression === 'zstd') return 'stdin.tar.zst';
  const isTar = Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar';
  return isTar ? 'stdin.tar' : undefined;
}

/** Compressed bytes that go to the zstd decoder at once: at most 32 MiB come out of them, however they are made. */
const ZSTD_STEP = 1024;
const ZSTD_LIMIT = 64 << 20;

function createZstd(): Transform {
  const decoder = new ZstdStream(ZSTD_LIMIT);
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done: TransformCallback) {
      for (let at = 0; at < chunk.length; at += ZSTD_STEP) {
        const { bytes, error, unsupported } = decoder.push(chunk.subarray(at, at + ZSTD_STEP));
        if (bytes.length > 0) this.push(bytes);
        if (error !== undefined)
          return done(Object.assign(new Error(error), unsupported && { code: 'ENOTSUP' }));
      }
      done();
    },
    flush(done: TransformCallback) {
      done(decoder.atFrameEnd ? null : new Error('unexpected end of file'));
    },
  });
}

/** Reads an archive from its start, decompressed. `onRead` hears of compressed bytes. Errors come through the stream. */
export async function openArchiveStream(
  archive: string | SourceDescriptor,
  compression: Compression,
  onRead: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<Readable> {
  // before the stream exists: it flows from the first listener on, and what flows while nobody takes it is lost
  const file = await bytesOf(archive, signal);
  file.on('data', (chunk) => onRead(chunk.length));
  if (compression === 'none') return file;
  const decoder = compression === 'gzip' ? createGunzip({ chunkSize: 256 << 10 }) : createZstd();
  // errors of either side end the decoder's stream, which is what is read
  return pipeline(file, decoder, () => {});
}

async function bytesOf(archive: string | SourceDescriptor, signal?: AbortSignal): Promise<Readable> {
  const highWaterMark = 256 << 10;
  if (typeof archive === 'string')
    return createReadStream(archive, { highWaterMark, ...(signal && { signal }) });
  const source = await openUnretried(archive);
  const stream = Readable.from(pieces(source), {
    objectMode: false,
    highWaterMark,
    ...(signal && { signal }),
  });
  return stream.once('close', () => void source.close());
}
