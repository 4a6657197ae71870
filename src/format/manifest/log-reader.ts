import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import type { ByteSource } from '../../bytes/source.js';
import { LogFramer } from './log-framer.js';
import { BLOCK_SIZE, type LogTail, type LogVisitor } from './log-record.js';

/** Read at once; a multiple of the block size. Memory is this and the largest single record. */
const CHUNK = 32 * BLOCK_SIZE;

/** Visits every record and every damage of a log from front to back, and says how it ends. */
export async function readLog(source: ByteSource, visitor: LogVisitor): Promise<LogTail> {
  const framer = new LogFramer(visitor);
  const buffer = new ReusedBuffer();
  for (let offset = 0; offset < source.size; ) {
    const chunk = buffer.give(Math.min(CHUNK, source.size - offset));
    const got = await source.read(chunk, offset);
    pushBlocks(framer, chunk.subarray(0, got), offset);
    offset += got;
    // the file shrank since its size was taken
    if (got < chunk.length) break;
  }
  return framer.finish();
}

/** The same over bytes in memory. */
export function readLogBytes(bytes: Uint8Array, visitor: LogVisitor): LogTail {
  const framer = new LogFramer(visitor);
  pushBlocks(framer, bytes, 0);
  return framer.finish();
}

function pushBlocks(framer: LogFramer, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    framer.push(bytes.subarray(at, Math.min(at + BLOCK_SIZE, bytes.length)), offset + at);
  }
}
