/** How to open the same bytes again, in another thread: plain data that survives a structured clone. */
export type SourceDescriptor =
  /** `path` as bytes where the name is not valid UTF-8. */
  | { kind: 'file'; path: string | Uint8Array }
  | { kind: 'memory'; bytes: Uint8Array }
  /** An object of a bucket as it was when it was listed: with this size, in bytes, and this ETag. */
  | { kind: 'object'; store: StoreSettings; bucket: string; key: string; size: number; etag?: string }
  /** Ranges of other sources end to end: a file as a repair would make it. */
  | { kind: 'pieces'; pieces: SourcePiece[] }
  /** A file of a zip archive, compressed in `of`: unpacked when it is read. `size`: bytes, as the archive's directory has it. */
  | { kind: 'deflated'; of: SourceDescriptor; size: number }
  /** A file in a compressed archive, which can only be read while the archive streams by. Opening it rejects: ENOTSUP. */
  | { kind: 'archived'; archive: string; member: string };

/** Which object store is asked, and how. Default: Amazon S3, or what the environment and the profile of the SDK say. */
export interface StoreSettings {
  /** The URL of another store that speaks S3. */
  endpoint?: string;
  /** The bucket goes into the path of a URL, not into the name of the host. Default: where there is an endpoint. */
  pathStyle?: boolean;
  /** Who asks pays: the bucket wants that said. */
  requesterPays?: true;
  /** The key of SSE-C that objects are encrypted with, 32 bytes in base64. */
  customerKey?: string;
}

interface SourcePiece {
  of: SourceDescriptor;
  offset: number;
  /** Bytes. */
  length: number;
}

/** Bytes of a source. */
export interface SourceRange {
  offset: number;
  length: number;
}

/** What stands in place of bytes that cannot be read: as no format writes them, so that they are damage and not unused space. */
export const FILLER = 0xff;

/** Whether a source filled any of that range itself. */
export function isFilled({ unreadable = [] }: ByteSource, offset: number, length: number): boolean {
  return unreadable.some((range) => offset < range.offset + range.length && offset + length > range.offset);
}

/**
 * Bytes that can be read at any offset: a file, memory, an archive member. `read` fills `into` from `offset` and returns
 * how many bytes it got; fewer than asked means the source ends there (also when a file shrank since `size` was taken).
 * It rejects only when the medium fails (EIO, EACCES) and nothing reads around it.
 */
export interface ByteSource {
  /** Bytes, as seen when it was opened. */
  readonly size: number;
  readonly descriptor: SourceDescriptor;
  /**
   * Ranges that the medium did not give back and that `read` filled with `FILLER`: nothing that lies in them is data. They grow as
   * the source is read. Absent: reads reject instead.
   */
  readonly unreadable?: readonly SourceRange[];
  read(into: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}
