/** Bytes of a key that are shown; a longer one is cut. */
const SHOWN = 64;

/** Bytes as text where all of them print, else in hex: `user:1`, `0x6d44`. */
export function plainBytes(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, SHOWN));
  const rest = bytes.length > SHOWN ? `… (${bytes.length} bytes)` : '';
  if (bytes.length === 0) return '(empty)';
  return shown.every((byte) => byte > 0x20 && byte < 0x7f)
    ? `${shown.toString('latin1')}${rest}`
    : `0x${shown.toString('hex')}${rest}`;
}
