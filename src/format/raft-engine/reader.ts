import type { ByteSource } from '../../bytes/source.js';
import { SourceWindow } from '../sst/window.js';
import {
  type BatchHeader,
  type BatchHeaderFault,
  decodeBatchHeader,
  type EntriesFault,
  LOG_BATCH_CHECKSUM,
  LOG_BATCH_HEADER,
  openEntries,
  signatureIn,
} from './batch.js';
import { type RaftLogHeader, raftLogSignature } from './file.js';
import { decodeItems, type PlacedItem } from './items.js';

/** A batch whose items are whole. Items are views that the next call of the reader ends. */
export interface RaftLogBatch {
  /** Of its header in the file. */
  offset: number;
  /** Bytes. */
  length: number;
  compression: 0 | 1;
  /** Its entries as stored, checksum included; length 0: it has none. */
  entries: { offset: number; length: number };
  items: readonly PlacedItem[];
  /** Where they begin in the file. */
  itemsAt: number;
}

/** Why reading ends before the file does. */
export type StopReason =
  | BatchHeaderFault
  /** Fewer bytes are left than a header has. */
  | 'header-cut'
  /** It says to be longer than the file. */
  | 'past-end'
  | 'items-too-short'
  | 'items-checksum'
  /** The checksum holds, and what it is of does not decode. */
  | 'items-malformed'
  /** The file's alignment asks the engine for more memory than there is. */
  | 'alignment'
  /** It is more than is looked at. */
  | 'limit';

export interface RaftLogStop {
  reason: StopReason;
  offset: number;
  /** Of what says to be a batch, where that can be believed. */
  header?: BatchHeader;
  /** Of items that do not decode: why. */
  detail?: string;
  /** The file whose number the checksum was signed with, lower 32 bits, where the items are whole but for that. */
  signature?: number;
}

/** Items of more bytes than this are not looked at; entries of more neither. */
const ITEMS_LIMIT = 64 << 20;
export const ENTRIES_BLOCK_LIMIT = 128 << 20;
/** The engine takes memory for all padding before it looks whether there is so much, and ends where it gets none. */
const MOST_MEMORY = 1n << 36n;

/**
 * Reads the batches of a file one after the other, as the engine does (tikv/raft-engine src/file_pipe_log/reader.rs): to the end of
 * the file, or to the first that is not whole, after which it looks at nothing.
 */
export class RaftLogReader {
  /** Where the next batch begins: the end of what is whole. */
  position: number;
  /** Why it ended before the end of the file. */
  stop: RaftLogStop | undefined;
  private readonly window: SourceWindow;
  private readonly entriesWindow: SourceWindow;
  private readonly signature: number;

  constructor(
    private readonly source: ByteSource,
    private readonly header: RaftLogHeader,
    number: bigint,
    memory: number | Uint8Array = 1 << 20,
  ) {
    this.position = header.length;
    this.window = new SourceWindow(source, source.size, memory);
    this.entriesWindow = new SourceWindow(source, source.size, 0);
    this.signature = raftLogSignature(header.version, number);
  }

  get bytesRead(): number {
    return this.window.bytesRead + this.entriesWindow.bytesRead;
  }

  /** The next batch; `undefined` at the end, or where `stop` says why. */
  async next(): Promise<RaftLogBatch | undefined> {
    while (this.stop === undefined && this.position < this.source.size) {
      const at = this.position;
      const header = await this.view(at, LOG_BATCH_HEADER);
      if (header === undefined) return this.end({ reason: 'header-cut', offset: at });
      const decoded = decodeBatchHeader(header);
      if (typeof decoded === 'string') {
        const passed = await this.passPadding(at);
        if (passed === true) continue;
        return this.end({ reason: passed === 'alignment' ? passed : decoded, offset: at });
      }
      return this.read(at, decoded);
    }
    return undefined;
  }

  private async read(offset: number, header: BatchHeader): Promise<RaftLogBatch | undefined> {
    const { length, itemsAt, compression } = header;
    if (offset + length > this.source.size) return this.end({ reason: 'past-end', offset, header });
    const size = length - itemsAt;
    if (size <= LOG_BATCH_CHECKSUM) return this.end({ reason: 'items-too-short', offset, header });
    if (size > ITEMS_LIMIT) return this.end({ reason: 'limit', offset, header });
    const bytes = await this.view(offset + itemsAt, size);
    if (bytes === undefined) return this.end({ reason: 'past-end', offset, header });
    const signature = signatureIn(bytes);
    if (signature !== this.signature)
      return this.end({ reason: 'items-checksum', offset, header, signature });
    const items = decodeItems(bytes.subarray(0, size - LOG_BATCH_CHECKSUM));
    if (!Array.isArray(items))
      return this.end({ reason: 'items-malformed', offset, header, detail: items.reason });
    this.position = offset + length;
    const entries = { offset: offset + LOG_BATCH_HEADER, length: itemsAt - LOG_BATCH_HEADER };
    return { offset, length, compression, entries, items, itemsAt: offset + itemsAt };
  }

  /** The entries of a batch, or why they cannot be read. A view that the next call ends. */
  async entriesOf({
    entries,
    compression,
  }: Pick<RaftLogBatch, 'entries' | 'compression'>): Promise<Uint8Array | EntriesFault> {
    const { offset, length } = entries;
    if (length > ENTRIES_BLOCK_LIMIT) return 'limit';
    // items are views of the other window
    const window = this.window.has(offset, length) ? this.window : this.entriesWindow;
    await window.ensure(offset, length);
    const block = window.view(offset, length);
    return block === undefined ? 'too-short' : openEntries(block, compression);
  }

  /** Zeros up to where the next batch may begin, in a file with an alignment: the engine looks at the first and the last of them. */
  private async passPadding(at: number): Promise<boolean | 'alignment'> {
    const { alignment } = this.header;
    if (alignment === 0n) return false;
    const next = ((BigInt(at) + alignment - 1n) / alignment) * alignment;
    if (next - BigInt(at) > MOST_MEMORY) return 'alignment';
    if (next === BigInt(at) || next > BigInt(this.source.size)) return false;
    const padding = await this.view(at, Number(next) - at);
    if (padding === undefined || padding[0] !== 0 || padding[padding.length - 1] !== 0) return false;
    this.position = Number(next);
    return true;
  }

  private async view(offset: number, length: number): Promise<Uint8Array | undefined> {
    await this.window.ensure(offset, length);
    return this.window.view(offset, length);
  }

  private end(stop: RaftLogStop): undefined {
    this.stop = stop;
    return undefined;
  }
}
