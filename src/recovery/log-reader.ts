import { ReusedBuffer } from '../bytes/reused-buffer.js';
import type { ByteSource } from '../bytes/source.js';
import { ZstdStream } from '../codec/zstd-stream.js';
import { fileName } from '../format/filename.js';
import { MAX_EXPANDED, MAX_RECORD } from '../format/log/assembly.js';
import { decodePredecessor, decodeTimestampSizes, WAL_ZSTD } from '../format/log/metadata.js';
import { BLOCK_SIZE, RecordType, SAFE_TO_IGNORE } from '../format/log/types.js';
import { turn } from '../io/interruption.js';
import type { ReplayBehaviour } from './behaviour.js';
import type { RecoveryMode } from './mode.js';
import { isPredecessor, isTimestampSizes, PhysicalReader, physical } from './physical-reader.js';
import { type PredecessorCheck, predecessorMismatch } from './predecessor.js';
import { corruption, type EngineError, type ErrorKind, unreadableFile } from './status.js';

/** A logical record as the engine would hand it to replay. */
export interface LogRecord {
  /** Valid until the next read. */
  bytes: Uint8Array;
  /** File offset of its first fragment's header. */
  offset: number;
  /** File offset after its last fragment. */
  end: number;
  /**
   * The engine's hash over the record took in bytes of a fragment that it had dropped: the record is refused although
   * its bytes are fine (facebook/rocksdb#14709).
   */
  staleHash: boolean;
}

/** What the engine's reader tells its reporter: bytes that it drops. The first report of a file becomes its status. */
export interface DropReport {
  error: EngineError;
  /** File offset of the physical record that raised it. */
  offset: number;
  /** Bytes that the engine says it drops. */
  dropped: number;
  /** The WAL that is to blame, where it is another than the one read. */
  blames?: bigint;
}

/** Bytes that the engine drops without telling anyone. */
export interface SilentDrop {
  reason:
    | 'zero-record'
    | 'undecodable-fragment'
    | 'ignorable-type'
    | 'old-record'
    | 'interrupted-fragments'
    | 'torn-tail';
  offset: number;
  /** Sequence numbers that the next log leaves out after it. */
  missing?: { from: bigint; to: bigint };
}

/** `too-large`: a record that kvdoctor does not put together (`MAX_RECORD`). */
type ReadResult = LogRecord | 'end' | 'hang' | 'too-large';

interface LogReaderOptions {
  mode: RecoveryMode;
  behaviour: ReplayBehaviour;
  /** From the file's name. */
  number: bigint;
  /** What `track_and_verify_wals` compares the file's predecessor record with; absent: not compared. */
  predecessor?: PredecessorCheck;
  onReport(report: DropReport): void;
  onSilentDrop?(drop: SilentDrop): void;
}

/** Where to begin in a log of which the records before are known. */
interface LogStart {
  /** File offset of a block. */
  from?: number;
  /** As the file's first record says. */
  compressed?: boolean;
}

const decompressor = () => new ZstdStream(MAX_EXPANDED, true);

const NOTHING = new Uint8Array(0);

/**
 * RocksDB's WAL reader: which logical records it delivers, what it reports and where it stops, in one recovery mode
 * (rocksdb db/log_reader.cc, Reader::ReadRecord). Reads a window at a time; holds one record.
 */
export class LogReader {
  private readonly input: PhysicalReader;
  private readonly behaviour: ReplayBehaviour;
  private readonly mode: RecoveryMode;
  /** Fragments of the record that is being put together. */
  private readonly buffer = new ReusedBuffer();
  private scratch: Uint8Array = NOTHING;
  private scratchLength = 0;
  private inFragments = false;
  private start = 0;
  /** Bytes in the engine's hash that are not in `scratch`. */
  private foreignHashed = 0;
  private hashed = 0;
  private compressionSeen = false;
  private ioReported = false;
  private tooLarge = false;

  /** A record of another log ended the file, outside a fragmented record: nothing was reported. */
  endedAtOldRecord = false;
  /** File offset of a record that the file ends in, where nothing was reported. */
  tornAt: number | undefined;
  /** Timestamp sizes that the file records, by column family. They hold for all that follows. */
  timestampSizes: ReadonlyMap<number, number> = new Map();

  constructor(
    source: ByteSource,
    private readonly options: LogReaderOptions,
    { from = 0, compressed = false }: LogStart = {},
  ) {
    this.behaviour = options.behaviour;
    this.mode = options.mode;
    this.input = new PhysicalReader(source, options.number, options.behaviour, from);
    if (compressed) this.input.decompressor = decompressor();
  }

  /** Records are ZSTD frames. */
  get compressed(): boolean {
    return this.input.decompressor !== undefined;
  }

  /** File offset after the last byte consumed. */
  get offset(): number {
    return this.input.offset;
  }

  /** Gives the memory of the last record back. */
  release(): void {
    this.buffer.takeBack();
  }

  /** The next logical record. After anything else there is no more. */
  async read(): Promise<ReadResult> {
    await turn();
    this.buffer.takeBack();
    this.scratchLength = 0;
    this.inFragments = false;
    this.foreignHashed = 0;
    this.hashed = 0;
    this.input.decompressor?.reset();
    for (;;) {
      const result = this.advance();
      if (typeof result === 'string') this.release();
      if (result !== undefined) return result;
      await this.input.fill();
      if (this.input.ioError !== undefined && !this.ioReported) {
        this.ioReported = true;
        const file = fileName('wal', this.options.number);
        this.report(unreadableFile(file, this.input.ioError), BLOCK_SIZE);
      }
    }
  }

  private advance(): ReadResult | undefined {
    const { input, behaviour, mode } = this;
    const strict =
      mode === 'absolute-consistency' || (mode === 'point-in-time' && behaviour.reportsTornTails);
    while (!this.tooLarge) {
      const type = input.step();
      switch (type) {
        case physical.needBlock:
          return undefined;
        case physical.hang:
          return 'hang';
        case physical.tooLarge:
          return 'too-large';
        case RecordType.full:
        case RecordType.recyclableFull:
          if (this.inFragments && this.scratchLength > 0) {
            this.corrupt('fragment-order', 'partial record without end(1)', this.scratchLength);
          }
          input.delivered = true;
          return { bytes: input.payload, offset: input.headerOffset, end: input.offset, staleHash: false };
        case RecordType.first:
        case RecordType.recyclableFirst:
          if (this.inFragments && this.scratchLength > 0) {
            this.corrupt('fragment-order', 'partial record without end(2)', this.scratchLength);
            this.hashed = this.foreignHashed = 0;
          }
          this.abandon();
          this.start = input.headerOffset;
          this.append(input.payload);
          this.inFragments = true;
          break;
        case RecordType.middle:
        case RecordType.recyclableMiddle:
          if (this.inFragments) this.append(input.payload);
          else this.corrupt('fragment-order', 'missing start of fragmented record(1)', input.payload.length);
          break;
        case RecordType.last:
        case RecordType.recyclableLast:
          if (!this.inFragments) {
            this.corrupt('fragment-order', 'missing start of fragmented record(2)', input.payload.length);
            break;
          }
          this.append(input.payload);
          if (this.tooLarge) break;
          input.delivered = true;
          return {
            bytes: this.scratch.subarray(0, this.scratchLength),
            offset: this.start,
            end: input.offset,
            staleHash: this.foreignHashed > 0,
          };
        case physical.badHeader:
          if (strict) this.corrupt('truncated', 'truncated header', input.dropped);
          else this.tornAt = input.headerOffset;
          return this.endOfFile(strict, 'EOF');
        case physical.eof:
          return this.endOfFile(strict, 'EOF');
        case physical.oldRecord:
          if (mode !== 'skip-any-corrupted') {
            if (!this.inFragments) this.endedAtOldRecord = true;
            return this.endOfFile(strict, 'old record');
          }
          if (!behaviour.consumesOldRecords) return 'hang';
          this.badRecord('old-record');
          break;
        case physical.badRecord:
          this.badRecord(input.payload.length > 0 ? 'undecodable-fragment' : 'zero-record');
          break;
        case physical.badLength:
          if (input.eof && behaviour.reportsTornTails) {
            if (strict) this.corrupt('truncated', 'truncated record body', input.dropped);
            else this.tornAt = this.inFragments ? this.start : input.headerOffset;
            return 'end';
          }
          if (this.endsRecycledTail()) return 'end';
          this.corrupt('bad-length', 'bad record length', input.dropped);
          this.dropFragments();
          break;
        case physical.badChecksum:
          if (this.endsRecycledTail()) return 'end';
          this.corrupt('checksum', 'checksum mismatch', input.dropped);
          this.dropFragments();
          break;
        default:
          if (!this.metadata(type)) this.unknown(type);
      }
    }
    return 'too-large';
  }

  private metadata(type: number): boolean {
    const { behaviour } = this;
    if (type === RecordType.setCompression && behaviour.compression) this.setCompression();
    else if (isTimestampSizes(type) && behaviour.timestampSizes) this.recordTimestampSizes();
    else if (isPredecessor(type) && behaviour.predecessorRecords) this.verifyPredecessor();
    else return false;
    return true;
  }

  private setCompression(): void {
    const { payload, delivered } = this.input;
    if (this.compressionSeen) this.corruptMetadata('read multiple SetCompressionType records');
    if (delivered) this.corruptMetadata('SetCompressionType not the first record');
    this.forgetScratch();
    // Of the u32 the engine keeps the low byte.
    const algorithm = payload.length < 4 ? -1 : payload[0];
    if (algorithm !== 0 && algorithm !== WAL_ZSTD) {
      this.corruptMetadata('could not decode SetCompressionType record');
      return;
    }
    this.compressionSeen = true;
    this.input.decompressor = algorithm === WAL_ZSTD ? decompressor() : undefined;
  }

  private recordTimestampSizes(): void {
    if (this.inFragments && this.scratchLength > 0) {
      const text = 'user-defined timestamp size record interspersed partial record';
      this.corrupt('metadata-record', text, this.scratchLength);
    }
    this.forgetScratch();
    const { value, error } = decodeTimestampSizes(this.input.payload, this.timestampSizes);
    if (error !== undefined) this.corruptMetadata(error);
    else this.timestampSizes = value;
  }

  private verifyPredecessor(): void {
    const { payload } = this.input;
    this.forgetScratch();
    const { value: recorded, error } = decodePredecessor(payload);
    if (error !== undefined) {
      this.corruptMetadata(error);
      return;
    }
    const check = this.options.predecessor;
    if (check === undefined || this.mode === 'skip-any-corrupted') return;
    const text = predecessorMismatch(recorded, check, this.behaviour);
    if (text === undefined) return;
    const blames = this.behaviour.blamesPredecessor ? recorded.number : undefined;
    this.report(corruption('inconsistency', text), payload.length, blames);
  }

  private unknown(type: number): void {
    if (this.behaviour.ignoresUnknownHighTypes && (type & SAFE_TO_IGNORE) !== 0) {
      this.silent('ignorable-type');
    } else {
      const length = this.input.payload.length + (this.inFragments ? this.scratchLength : 0);
      this.corrupt('unknown-record', `unknown record type ${type}`, length);
    }
    this.inFragments = false;
    this.abandon();
  }

  private endOfFile(strict: boolean, what: string): 'end' {
    if (this.inFragments && strict) {
      const cause = this.behaviour.namesWhatEndedTheTail ? ` due to encountering ${what}` : '';
      this.corrupt('truncated', `error reading trailing data${cause}`, this.scratchLength);
    } else if (this.inFragments) this.tornAt = this.start;
    return 'end';
  }

  private badRecord(reason: SilentDrop['reason']): void {
    if (!this.inFragments) this.silent(reason);
    this.dropFragments();
  }

  private dropFragments(): void {
    if (!this.inFragments) return;
    this.corrupt('fragment-order', 'error in middle of record', this.scratchLength);
    this.inFragments = false;
    this.abandon();
  }

  private endsRecycledTail(): boolean {
    return this.input.recycled && this.mode === 'tolerate-corrupted-tail';
  }

  /** A metadata record empties the record in progress but does not end it: its LAST delivers a stump. */
  private forgetScratch(): void {
    if (this.inFragments) this.silent('interrupted-fragments');
    this.start = this.input.headerOffset;
    this.abandon();
  }

  /** The bytes go, the hash keeps them. */
  private abandon(): void {
    this.scratchLength = 0;
    this.foreignHashed += this.hashed;
    this.hashed = 0;
  }

  private append(fragment: Uint8Array): void {
    const needed = this.scratchLength + fragment.length;
    if (needed > MAX_RECORD) {
      this.tooLarge = true;
      return;
    }
    this.scratch = this.buffer.extend(this.scratchLength, needed, MAX_RECORD);
    this.scratch.set(fragment, this.scratchLength);
    this.scratchLength = needed;
    this.hashed += fragment.length;
  }

  private corruptMetadata(message: string): void {
    this.corrupt('metadata-record', message, this.input.payload.length);
  }

  private corrupt(kind: ErrorKind, message: string, dropped: number): void {
    this.report(corruption(kind, message), dropped);
  }

  private report(error: EngineError, dropped: number, blames?: bigint): void {
    this.options.onReport({ error, offset: this.input.headerOffset, dropped, blames });
  }

  private silent(reason: SilentDrop['reason']): void {
    this.options.onSilentDrop?.({ reason, offset: this.input.headerOffset });
  }
}
