// CBOR (RFC 8949), as far as it takes to tell whether bytes are one document:
//
//   u8 major type << 5 | length   0–23 itself, 24–27 in the next 1, 2, 4, 8 bytes, 31 until a break
//
// Major types: 0 and 1 integers, 2 bytes, 3 text, 4 array, 5 map, 6 tag, 7 floats and simple values.

const BREAK = 0xff;
const INDEFINITE = 31;

/** Items that are still to come in what is open; -1 until a break. */
type Open = number[];

/** Why bytes are not exactly one CBOR item; `undefined` when they are. Needs memory for what is nested, at most a number a byte. */
export function whyNoCbor(bytes: Uint8Array): string | undefined {
  const open: Open = [1];
  let at = 0;
  while (open.length > 0) {
    const left = open[open.length - 1];
    if (left === 0) {
      open.pop();
      continue;
    }
    if (at >= bytes.length) return `The document ends after ${bytes.length} bytes inside of it`;
    const first = bytes[at];
    if (left < 0 && first === BREAK) {
      open.pop();
      at++;
      continue;
    }
    if (left > 0) open[open.length - 1]--;
    const next = item(bytes, at, open);
    if (next === undefined) return `At byte ${at} of the document stands no CBOR`;
    at = next;
  }
  return at === bytes.length ? undefined : `${bytes.length - at} bytes follow the document`;
}

/** Steps over the head of an item, and over what it holds unless that is items. */
function item(bytes: Uint8Array, at: number, open: Open): number | undefined {
  const major = bytes[at] >> 5;
  const short = bytes[at] & 0x1f;
  if (short === INDEFINITE) {
    if (major < 2 || major > 5) return undefined;
    open.push(-1);
    return at + 1;
  }
  if (short > 27) return undefined;
  const extra = short < 24 ? 0 : 2 ** (short - 24);
  const from = at + 1 + extra;
  if (from > bytes.length) return undefined;
  let length = short;
  if (extra > 0) {
    length = 0;
    for (let i = at + 1; i < from; i++) length = length * 256 + bytes[i];
  }
  if (major === 2 || major === 3) return length > bytes.length - from ? undefined : from + length;
  // an item takes a byte at least: what says that it holds more is not believed
  if (major === 4 || major === 5) {
    const items = major === 4 ? length : 2 * length;
    if (items > bytes.length - from) return undefined;
    open.push(items);
  } else if (major === 6) open.push(1);
  return from;
}
