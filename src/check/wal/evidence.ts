import { hexWindow } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import type { EvidenceValue } from '../../finding/evidence.js';

/** Bytes of a window: what `hexWindow` shows at most, and a row to align. */
const WINDOW = 128;

/** Reads the bytes around `offset` again, for a finding. `length` bytes are marked. */
export async function hexAround(source: ByteSource, offset: number, length: number): Promise<EvidenceValue> {
  const base = Math.max(0, offset - 32);
  const bytes = new Uint8Array(WINDOW);
  const read = await source.read(bytes, base);
  const window = hexWindow(bytes.subarray(0, read), { base, marks: [{ offset, length }] });
  return { hex: window };
}

/** Sequence numbers `from` to `to`, both included. */
export function sequenceRange(from: bigint, to: bigint): string {
  return from === to ? `${from}` : `${from}–${to}`;
}
