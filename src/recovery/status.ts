/** The classes of RocksDB's Status that an open can fail with (rocksdb include/rocksdb/status.h). */
type StatusCode =
  | 'corruption'
  | 'io-error'
  | 'invalid-argument'
  | 'not-supported'
  /** Not a Status: the engine does not come back, or ends the process. */
  | 'hang'
  | 'crash'
  /** Pebble's errors have no class. */
  | 'pebble';

/** What a refusal is about, for people and for comparisons; the text is for those who search for it. */
export type ErrorKind =
  | 'checksum'
  | 'truncated'
  | 'bad-length'
  | 'fragment-order'
  | 'unknown-record'
  | 'metadata-record'
  | 'short-record'
  | 'wrong-count'
  | 'malformed-batch'
  | 'unknown-tag'
  | 'content-hash'
  | 'sequence'
  | 'insert'
  | 'timestamp-size'
  | 'transactions'
  | 'missing-file'
  | 'size-mismatch'
  | 'inconsistency'
  | 'manifest'
  | 'table'
  | 'unsupported'
  | 'io'
  | 'hang'
  | 'crash';

/** A Status that is not OK. */
export interface EngineError {
  code: StatusCode;
  kind: ErrorKind;
  /** The engine's text without the class in front of it. Paths in it are relative to the database. */
  message: string;
}

const prefixes: Readonly<Record<StatusCode, string>> = {
  corruption: 'Corruption: ',
  'io-error': 'IO error: ',
  'invalid-argument': 'Invalid argument: ',
  'not-supported': 'Not implemented: ',
  hang: '',
  crash: '',
  pebble: '',
};

/** The text as `Status::ToString()` gives it and as logs show it. */
export function statusText(error: EngineError): string {
  return prefixes[error.code] + error.message;
}

const systemWords: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EIO: 'Input/output error',
};

/** Codes of what this user may not do: an engine runs as another one. */
const denied: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);

/**
 * What the engine says of a file that the system does not give it. Rethrows what is no error of the system, and what says nothing of
 * the engine: that this user may not read the file.
 */
export function unreadableFile(file: string, error: unknown): EngineError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || denied.has(code)) throw error;
  return { code: 'io-error', kind: 'io', message: `While reading ${file}: ${systemWords[code] ?? message}` };
}

export function corruption(kind: ErrorKind, message: string): EngineError {
  return { code: 'corruption', kind, message };
}
