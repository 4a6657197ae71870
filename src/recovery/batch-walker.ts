import { u32At } from '../bytes/u32.js';
import { type BatchError, WRONG_COUNT } from '../format/batch/batch.js';
import { decodeBatch } from '../format/batch/decode.js';
import { BATCH_HEADER, type BatchDialect, Shape } from '../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { corruption, type EngineError } from './status.js';

/*
 * Walks the operations of a WriteBatch without an object for each: replay runs it over every batch, twice (once to see
 * that it decodes, as the engine does since 7.4, once to apply it). Layout: format/batch/decode.ts, which explains what
 * this one only stops at.
 */

/** Tags that are markers of transactions and batches (rocksdb db/dbformat.h). */
export const marker = {
  logData: 0x03,
  beginPrepare: 0x09,
  endPrepare: 0x0a,
  commit: 0x0b,
  rollback: 0x0c,
  noop: 0x0d,
  beginPersistedPrepare: 0x12,
  beginUnprepare: 0x13,
  commitWithTimestamp: 0x15,
} as const;

/** The value type under which an operation goes into a memtable, by tag; 0xff for markers. LevelDB's tags are among RocksDB's. */
const memtableTypes = new Uint8Array(256).fill(0xff);
for (const spec of dialectNamed('rocksdb').batch.specs.values()) {
  if (!spec.counted) continue;
  const types: Record<string, number> = {
    put: VALUE_TYPE.put,
    delete: VALUE_TYPE.delete,
    'single-delete': VALUE_TYPE.singleDelete,
    merge: VALUE_TYPE.merge,
    'range-delete': VALUE_TYPE.rangeDelete,
    'blob-index': VALUE_TYPE.blobIndex,
    entity: VALUE_TYPE.entity,
    'timed-put': VALUE_TYPE.timedPut,
  };
  memtableTypes[spec.tag] = types[spec.kind];
}

export class BatchWalker {
  /** Of the operation that `next` took. */
  tag = 0;
  /** The value type that it has in a memtable, 0xff for a marker. */
  type = 0xff;
  columnFamily = 0;
  /** First operand: key, begin of a range, transaction name, log data. Empty range where there is none. */
  keyStart = 0;
  keyEnd = 0;
  /** Second operand: value, operand, end of a range; the timestamp of a commit. */
  valueStart = 0;
  valueEnd = 0;
  position = BATCH_HEADER;
  readonly dialect: BatchDialect;
  private failed = false;

  constructor(
    readonly bytes: Uint8Array,
    private readonly engine?: DialectName,
  ) {
    this.dialect = dialectNamed(engine).batch;
  }

  /** The operation that `next` took adds one to the count in the header. */
  get counts(): boolean {
    return this.dialect.counted[this.tag] === 1;
  }

  get sequence(): bigint {
    const high = u32At(this.bytes, 4);
    const low = u32At(this.bytes, 0);
    // one bigint where a number holds it: this runs for every record
    return high < 0x200000 ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) | BigInt(low);
  }

  get count(): number {
    return u32At(this.bytes, 8);
  }

  get key(): Uint8Array {
    return this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  get value(): Uint8Array {
    return this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  /** Takes the next operation. False at the end, or where the engine would lose step; `error` tells which. */
  next(): boolean {
    const { bytes } = this;
    if (this.position >= bytes.length || this.failed) return false;
    const start = this.position;
    const tag = bytes[this.position++];
    const shape = this.dialect.shapes[tag];
    this.tag = tag;
    this.type = memtableTypes[tag];
    this.columnFamily = 0;
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = 0;
    if (shape === Shape.unknown) return this.fail(start);
    if (this.dialect.columnFamilyForms[tag] === 1) {
      const id = this.varint32();
      if (id < 0) return this.fail(start);
      this.columnFamily = id;
    }
    if (shape === Shape.none) return true;
    let length = this.varint32();
    if (length < 0 || length > bytes.length - this.position) return this.fail(start);
    this.keyStart = this.position;
    this.keyEnd = this.position += length;
    if (shape === Shape.key || shape === Shape.logData || shape === Shape.xid) return true;
    length = this.varint32();
    if (length < 0 || length > bytes.length - this.position) return this.fail(start);
    this.valueStart = this.position;
    this.valueEnd = this.position += length;
    if (shape === Shape.timestampXid) this.swapOperands();
    return true;
  }

  /** What the engine's decoder says where the walk stopped short; `undefined` when all of the batch was walked. */
  error(): BatchError | undefined {
    return this.failed ? decodeBatch(this.bytes, { maxOps: 0, dialect: this.engine }).engineError : undefined;
  }

  /** A commit's timestamp stands before the name. */
  private swapOperands(): void {
    [this.keyStart, this.valueStart] = [this.valueStart, this.keyStart];
    [this.keyEnd, this.valueEnd] = [this.valueEnd, this.keyEnd];
  }

  private fail(start: number): false {
    this.position = start;
    this.failed = true;
    return false;
  }

  /** −1 when it does not end. Bits above 32 are dropped, as GetVarint32 does. */
  private varint32(): number {
    const { bytes } = this;
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= bytes.length) return -1;
      const byte = bytes[this.position++];
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    return -1;
  }
}

/** What the engine refuses a batch with when it decodes it whole, before anything of it is applied (7.4). */
export function batchProblem(bytes: Uint8Array): EngineError | undefined {
  const walker = new BatchWalker(bytes);
  let counted = 0;
  while (walker.next()) {
    if (walker.counts) counted++;
    // The write time is taken off the end of the value without a look at its length (std::length_error).
    if (walker.type === VALUE_TYPE.timedPut && walker.valueEnd - walker.valueStart < 8) {
      return {
        code: 'crash',
        kind: 'crash',
        message: 'the engine ends its process: a timed put without a write time',
      };
    }
  }
  const error = walker.error() ?? (counted === walker.count ? undefined : WRONG_COUNT);
  return error && corruption(error.kind, error.message);
}
