/**
 * A log batch, the unit that is written and read whole or not at all (tikv/raft-engine src/log_batch.rs, 0.4.2):
 *
 *   +---------------------+-------------------+-------------------------------+----------------------------------+
 *   | u56 length, u8 type | u64 where items   | entries, u32 LE CRC-32 of     | items, u32 LE CRC-32 of them,    |
 *   |                     | begin             | them as stored; absent: none  | signed in version 2 of the file  |
 *   +---------------------+-------------------+-------------------------------+----------------------------------+
 *
 * The header is big-endian; its length is that of the whole batch. Type 0: entries as they are; 1: u32 LE length and an LZ4 block.
 */
import { crc32 } from 'node:zlib';
import { decompressLz4 } from '../../codec/lz4.js';

export const LOG_BATCH_HEADER = 16;
export const LOG_BATCH_CHECKSUM = 4;

const COMPRESSION = { none: 0, lz4: 1 } as const;

export interface BatchHeader {
  compression: 0 | 1;
  /** Of the whole batch, in bytes. */
  length: number;
  /** Where items begin, from the batch's first byte. */
  itemsAt: number;
}

/** Why a header is none. */
export type BatchHeaderFault = 'compression' | 'items-past-end' | 'items-in-header';

/** Reads a header at `at`, where 16 bytes are. Numbers that no file reaches come out as larger than any. */
export function decodeBatchHeader(bytes: Uint8Array, at = 0): BatchHeader | BatchHeaderFault {
  const compression = bytes[at + 7];
  if (compression > COMPRESSION.lz4) return 'compression';
  const length = wide(bytes, at, 7);
  const itemsAt = wide(bytes, at + 8, 8);
  if (itemsAt > length) return 'items-past-end';
  if (itemsAt < LOG_BATCH_HEADER) return 'items-in-header';
  return { compression: compression as 0 | 1, length, itemsAt };
}

/** A big-endian number; inexact above 2^53, where it only has to be large. */
function wide(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + bytes[at + i];
  return value;
}

function u32le(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** What the checksum at the end of items is XORed with, where they are whole: 0 in version 1, else the number of a file. */
export function signatureIn(items: Uint8Array): number {
  const end = items.length - LOG_BATCH_CHECKSUM;
  return (crc32(items.subarray(0, end)) ^ u32le(items, end)) >>> 0;
}

/** Entries that expand to more bytes than this are not looked into. */
const ENTRIES_LIMIT = 256 << 20;

/** Why entries cannot be read. `limit`: they are more than is looked at. */
export type EntriesFault = 'too-short' | 'checksum' | 'lz4' | 'limit';

/**
 * The entries of a batch from its stored block, checksum included: a view of it, or new memory where it is compressed. Empty where
 * there is no block.
 */
export function openEntries(block: Uint8Array, compression: 0 | 1): Uint8Array | EntriesFault {
  if (block.length === 0) return block;
  if (block.length <= LOG_BATCH_CHECKSUM) return 'too-short';
  const end = block.length - LOG_BATCH_CHECKSUM;
  const stored = block.subarray(0, end);
  if (crc32(stored) !== u32le(block, end)) return 'checksum';
  if (compression === COMPRESSION.none) return stored;
  if (stored.length <= 4) return 'lz4';
  const length = u32le(stored, 0);
  if (length > ENTRIES_LIMIT) return 'limit';
  const opened = decompressLz4(stored.subarray(4), length);
  return 'error' in opened ? 'lz4' : opened.bytes;
}
