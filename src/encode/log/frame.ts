// A ZSTD frame that stores its content as it is (RFC 8878), for logs whose compression record asks for frames:
//
//   | magic u32 | descriptor u8: single segment, 4-byte size | content size u32 | blocks: u24 header, bytes |

const MAGIC = 0xfd2fb528;
const SINGLE_SEGMENT_4_BYTE_SIZE = 0xa0;
/** Most bytes of one block. */
const BLOCK = 128 * 1024;

/** A ZSTD frame without checksum whose content is `payload`, not compressed. */
export function storedFrame(payload: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(payload.length / BLOCK));
  const frame = new Uint8Array(9 + 3 * blocks + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  frame[4] = SINGLE_SEGMENT_4_BYTE_SIZE;
  view.setUint32(5, payload.length, true);
  let at = 9;
  for (let i = 0; i < blocks; i++) {
    const part = payload.subarray(i * BLOCK, (i + 1) * BLOCK);
    const header = part.length * 8 + (i === blocks - 1 ? 1 : 0);
    frame[at] = header;
    frame[at + 1] = header >>> 8;
    frame[at + 2] = header >>> 16;
    frame.set(part, at + 3);
    at += 3 + part.length;
  }
  return frame;
}
