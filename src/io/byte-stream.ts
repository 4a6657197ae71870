import { open } from 'node:fs/promises';
import { ReusedBuffer } from '../bytes/reused-buffer.js';
import { refuseNamedPipe } from './named-pipe.js';

/** Bytes read at a time. */
const PIECE = 1 << 20;

/**
 * A file, an open pipe or a device from its beginning to its end, in pieces of at most 1 MiB. The buffer is reused: a piece is good
 * until the next one is asked for. Rejects with the system's error.
 */
export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  await refuseNamedPipe(path);
  const handle = await open(path, 'r');
  try {
    const buffer = new ReusedBuffer();
    for (;;) {
      const piece = buffer.give(PIECE);
      const { bytesRead } = await handle.read(piece, 0, PIECE, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
