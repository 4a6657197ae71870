/**
 * The order of Chromium's IndexedDB, comparator `idb_cmp1` (chromium content/browser/indexed_db/indexed_db_leveldb_coding.cc).
 *
 *   key    = prefix | rest
 *   prefix = u8 sizes (database 3 bits, object store 3 bits, index 2 bits; each size less one) | three little-endian numbers
 *
 * Prefixes are compared as numbers, and say what the rest is: metadata of one type byte and typed fields, or encoded keys. Types
 * of encoded keys sort in an order of their own, and two keys of different bytes may be equal.
 */

/** Reads a range from the front. `failed` once it ends inside a field: such keys are compared byte by byte. */
class Fields {
  failed = false;

  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
    readonly end: number,
  ) {}

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    if (this.at < this.end) return this.bytes[this.at++];
    this.failed = true;
    return 0;
  }

  littleEndian(size: number): number {
    let value = 0;
    for (let i = 0, scale = 1; i < size; i++, scale *= 256) value += this.u8() * scale;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 10; i++, scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  double(): number {
    if (this.left < 8) {
      this.failed = true;
      return 0;
    }
    const value = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8).getFloat64(0, true);
    this.at += 8;
    return value;
  }

  /** Takes `length` bytes; where they begin. */
  take(length: number): number {
    const from = this.at;
    if (length > this.left) this.failed = true;
    else this.at += length;
    return from;
  }
}

/** Keys within keys are followed so deep. */
const DEEPEST = 100;

const KEY = { null: 0, string: 1, date: 2, number: 3, array: 4, min: 5, binary: 6 } as const;

/** Larger ranks come first. */
const ranks = new Uint8Array(256).fill(7);
for (const [rank, type] of [
  KEY.null,
  KEY.array,
  KEY.binary,
  KEY.string,
  KEY.date,
  KEY.number,
  KEY.min,
].entries())
  ranks[type] = rank;

/** Index ids (below 30 they are kinds of records of an object store). */
const INDEX = { data: 1, exists: 2, blob: 3, first: 30 } as const;

/** Types of metadata whose rest is fields that do not sort as bytes. */
const GLOBAL = { databaseFreeList: 100, databaseName: 201 } as const;
const DATABASE = {
  objectStore: 50,
  index: 100,
  objectStoreFreeList: 150,
  indexFreeList: 151,
  objectStoreNames: 200,
  indexNames: 201,
} as const;

/** Compares `a[aFrom, aTo)` with `b[bFrom, bTo)`: negative, 0 or positive. */
export function compareIdbKeys(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const left = new Fields(a, aFrom, aTo);
  const right = new Fields(b, bFrom, bTo);
  const order = new Comparison(a, left, b, right).keys();
  return left.failed || right.failed ? bytes(a, aFrom, aTo, b, bFrom, bTo) : order;
}

/** What the prefix of a key says of it; undefined for what cannot be a key of IndexedDB. `schema`: the one that every database has. */
export function idbPrefixOf(key: Uint8Array): 'schema' | 'other' | undefined {
  const fields = new Fields(key, 0, key.length);
  const sizes = fields.u8();
  let ids = 0;
  for (const size of [(sizes >> 5) & 7, (sizes >> 2) & 7, sizes & 3]) ids += fields.littleEndian(size + 1);
  if (fields.failed || fields.left === 0) return undefined;
  return sizes === 0 && ids === 0 && fields.left === 1 && fields.u8() === 0 ? 'schema' : 'other';
}

/** One comparison of two keys; what it says counts only when neither side failed. */
class Comparison {
  constructor(
    private readonly a: Uint8Array,
    private readonly left: Fields,
    private readonly b: Uint8Array,
    private readonly right: Fields,
  ) {}

  private get failed(): boolean {
    return this.left.failed || this.right.failed;
  }

  keys(): number {
    const sizes = this.left.u8();
    const otherSizes = this.right.u8();
    let database = 0;
    let store = 0;
    let index = 0;
    for (const [shift, mask] of [
      [5, 7],
      [2, 7],
      [0, 3],
    ]) {
      const own = this.left.littleEndian(((sizes >> shift) & mask) + 1);
      const other = this.right.littleEndian(((otherSizes >> shift) & mask) + 1);
      if (this.failed) return 0;
      if (own !== other) return own - other;
      if (shift === 5) database = own;
      else if (shift === 2) store = own;
      else index = own;
    }
    if (database === 0) return this.globalMetadata();
    if (store === 0) return this.databaseMetadata();
    if (index === INDEX.data || index === INDEX.exists || index === INDEX.blob) return this.encodedKey(0);
    return index >= INDEX.first ? this.indexEntry() : this.rest();
  }

  private globalMetadata(): number {
    const type = this.left.u8();
    const other = this.right.u8();
    if (this.failed || type !== other) return type - other;
    if (type === GLOBAL.databaseFreeList) return this.varint();
    if (type === GLOBAL.databaseName) return this.text() || this.text();
    return this.rest();
  }

  private databaseMetadata(): number {
    const type = this.left.u8();
    const other = this.right.u8();
    if (this.failed || type !== other) return type - other;
    switch (type) {
      case DATABASE.objectStore:
        return this.varint() || this.rest();
      case DATABASE.index:
        return this.varint() || this.varint() || this.rest();
      case DATABASE.objectStoreFreeList:
        return this.varint();
      case DATABASE.indexFreeList:
        return this.varint() || this.varint();
      case DATABASE.objectStoreNames:
        return this.text();
      case DATABASE.indexNames:
        return this.varint() || this.text();
      default:
        return this.rest();
    }
  }

  /** Encoded key, sequence number, primary key; the sequence number counts last. */
  private indexEntry(): number {
    const byKey = this.encodedKey(0);
    if (byKey !== 0 || this.failed) return byKey;
    const own = this.left.left > 0 ? this.left.varint() : -1;
    const other = this.right.left > 0 ? this.right.varint() : -1;
    if (this.left.left === 0 || this.right.left === 0) return this.left.left - this.right.left;
    return this.encodedKey(0) || own - other;
  }

  private encodedKey(depth: number): number {
    if (depth > DEEPEST) this.left.failed = true;
    const type = this.left.u8();
    const other = this.right.u8();
    if (this.failed) return 0;
    if (type !== other) return ranks[other] - ranks[type];
    switch (type) {
      case KEY.null:
      case KEY.min:
        return 0;
      case KEY.string:
        return this.text();
      case KEY.binary:
        return this.prefixed(1);
      case KEY.date:
      case KEY.number:
        return Math.sign(this.left.double() - this.right.double()) || 0;
      case KEY.array: {
        const length = this.left.varint();
        const otherLength = this.right.varint();
        for (let i = 0; i < Math.min(length, otherLength); i++) {
          const order = this.encodedKey(depth + 1);
          if (order !== 0 || this.failed) return order;
        }
        return length - otherLength;
      }
      default:
        this.left.failed = true;
        return 0;
    }
  }

  private varint(): number {
    return this.left.varint() - this.right.varint();
  }

  /** UTF-16 in big endian: units compare as their bytes do. */
  private text(): number {
    return this.prefixed(2);
  }

  private prefixed(unit: number): number {
    const length = this.left.varint() * unit;
    const otherLength = this.right.varint() * unit;
    const from = this.left.take(length);
    const otherFrom = this.right.take(otherLength);
    if (this.failed) return 0;
    return bytes(this.a, from, from + length, this.b, otherFrom, otherFrom + otherLength);
  }

  private rest(): number {
    return bytes(this.a, this.left.at, this.left.end, this.b, this.right.at, this.right.end);
  }
}

function bytes(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): number {
  const shorter = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < shorter; i++) {
    const difference = a[aFrom + i] - b[bFrom + i];
    if (difference !== 0) return difference;
  }
  return aTo - aFrom - (bTo - bFrom);
}
