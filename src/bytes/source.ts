/** How to open the same bytes again, in another thread: plain data that survives a structured clone. */
export type SourceDescriptor =
  /** `path` as bytes where the name is not valid UTF-8. */
  | { kind: 'file'; path: string | Uint8Array }
  | { kind: 'memory'; bytes: Uint8Array }
  /** Ranges of other sources end to end: a file as a repair would make it. */
  | { kind: 'pieces'; pieces: SourcePiece[] }
  /** A file in a compressed archive, which can only be read while the archive streams by. Opening it rejects: ENOTSUP. */
  | { kind: 'archived'; archive: string; member: string };

export interface SourcePiece {
  of: SourceDescriptor;
  offset: number;
  /** Bytes. */
  length: number;
}

/**
 * Bytes that can be read at any offset: a file, memory, an archive member. `read` fills `into` from `offset` and returns
 * how many bytes it got; fewer than asked means the source ends there (also when a file shrank since `size` was taken).
 * It rejects only when the medium fails (EIO, EACCES).
 */
export interface ByteSource {
  /** Bytes, as seen when it was opened. */
  readonly size: number;
  readonly descriptor: SourceDescriptor;
  read(into: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}
