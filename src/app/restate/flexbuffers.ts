// FlexBuffers, the schemaless form of FlatBuffers (google/flatbuffers include/flatbuffers/flexbuffers.h), read from its end:
//
//   … | root, `width` bytes | packed type u8 | width u8
//   packed type    type in the upper six bits, log2 of the width of what it points to in the lower two
//   offset         little-endian, counted back from where it stands
//   vector         length | elements | a packed type for each; the length stands before where the offset points
//   map            offset to its keys | width of these | a vector of the values, sorted by key
//   key            text, ends with a zero

/** What Restate puts in its values: numbers, text, lists and records of them. Anything else is `undefined`. */
export type FlexValue = bigint | boolean | string | undefined | FlexValue[] | Map<string, FlexValue>;

/** Containers within containers. */
const DEEPEST = 8;
/** Elements in all. */
const MOST = 1000;

const TYPE = {
  int: 1,
  uint: 2,
  key: 4,
  string: 5,
  indirectInt: 6,
  indirectUint: 7,
  map: 9,
  vector: 10,
  boolean: 26,
} as const;

/** The value of a buffer; `undefined` where it cannot be read. */
export function decodeFlexBuffer(bytes: Uint8Array): FlexValue {
  const width = bytes[bytes.length - 1];
  if (bytes.length < 3 || (width !== 1 && width !== 2 && width !== 4 && width !== 8)) return undefined;
  return new FlexReader(bytes).value(bytes.length - 2 - width, width, bytes[bytes.length - 2], 0);
}

class FlexReader {
  private read = 0;

  constructor(private readonly bytes: Uint8Array) {}

  value(at: number, width: number, packed: number, depth: number): FlexValue {
    if (depth > DEEPEST || ++this.read > MOST) return undefined;
    const type = packed >> 2;
    const targetWidth = 1 << (packed & 3);
    if (type === TYPE.uint || type === TYPE.int || type === TYPE.boolean) {
      const number = this.number(at, width);
      return type === TYPE.boolean && number !== undefined ? number !== 0n : number;
    }
    const target = this.target(at, width);
    if (target === undefined) return undefined;
    switch (type) {
      case TYPE.indirectInt:
      case TYPE.indirectUint:
        return this.number(target, targetWidth);
      case TYPE.key:
        return this.key(target);
      case TYPE.string: {
        const length = this.length(target, targetWidth);
        return length === undefined ? undefined : this.text(target, target + length);
      }
      case TYPE.vector:
        return this.vector(target, targetWidth, depth);
      case TYPE.map:
        return this.map(target, targetWidth, depth);
      default:
        return undefined;
    }
  }

  private vector(at: number, width: number, depth: number): FlexValue[] | undefined {
    const length = this.length(at, width);
    if (length === undefined || at + length * (width + 1) > this.bytes.length) return undefined;
    const types = at + length * width;
    const values: FlexValue[] = [];
    for (let i = 0; i < length; i++)
      values.push(this.value(at + i * width, width, this.bytes[types + i], depth + 1));
    return values;
  }

  private map(at: number, width: number, depth: number): Map<string, FlexValue> | undefined {
    const keys = this.target(at - 3 * width, width);
    const keyWidth = Number(this.number(at - 2 * width, width) ?? 0n);
    const values = this.vector(at, width, depth);
    if (keys === undefined || values === undefined || (keyWidth & (keyWidth - 1)) !== 0) return undefined;
    const map = new Map<string, FlexValue>();
    for (const [i, value] of values.entries()) {
      const key = this.target(keys + i * keyWidth, keyWidth);
      const name = key === undefined ? undefined : this.key(key);
      if (name === undefined) return undefined;
      map.set(name, value);
    }
    return map;
  }

  private number(at: number, width: number): bigint | undefined {
    if (at < 0 || width < 1 || width > 8 || at + width > this.bytes.length) return undefined;
    let number = 0n;
    for (let i = width - 1; i >= 0; i--) number = (number << 8n) | BigInt(this.bytes[at + i]);
    return number;
  }

  /** Where an offset points: back from where it stands. */
  private target(at: number, width: number): number | undefined {
    const offset = this.number(at, width);
    return offset === undefined || offset > BigInt(at) ? undefined : at - Number(offset);
  }

  private length(at: number, width: number): number | undefined {
    const length = this.number(at - width, width);
    return length === undefined || length > BigInt(this.bytes.length) ? undefined : Number(length);
  }

  private key(at: number): string | undefined {
    const end = this.bytes.indexOf(0, at);
    return end < 0 ? undefined : this.text(at, end);
  }

  private text(from: number, to: number): string | undefined {
    return to > this.bytes.length ? undefined : Buffer.from(this.bytes.subarray(from, to)).toString();
  }
}
