/*
 * Keys of Chromium's IndexedDB (content/browser/indexed_db/indexed_db_leveldb_coding.cc). Numbers are little-endian, strings UTF-16BE
 * after a varint of their code units.
 *
 *   | lengths: database 3 bits, object store 3 bits, index 2 bits, each less 1 | database | object store | index | the rest |
 *
 *   database 0             metadata of all databases
 *   object store 0         metadata of one database
 *   index 1, 2, 3          a record, that it exists, its blobs: the primary key
 *   index from 30 on       the key in the index, a sequence number, the primary key
 */
class IdbReader {
  position = 0;
  failed = false;

  constructor(private readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.position >= this.bytes.length) this.failed = true;
    return this.bytes[this.position++] ?? 0;
  }

  /** A number of so many bytes; the longest has 8. */
  int(length: number): bigint {
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.byte()) << BigInt(8 * i);
    return value;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) === 0) return value;
    }
    this.failed = true;
    return 0;
  }

  string(): string {
    const units = this.varint();
    const end = this.position + 2 * units;
    if (end > this.bytes.length) this.failed = true;
    if (this.failed) return '';
    const text = Buffer.from(this.bytes.slice(this.position, end)).swap16().toString('utf16le');
    this.position = end;
    return JSON.stringify(text);
  }

  double(): number {
    if (this.position + 8 > this.bytes.length) this.failed = true;
    if (this.failed) return 0;
    const { buffer, byteOffset } = this.bytes;
    const value = new DataView(buffer, byteOffset + this.position).getFloat64(0, true);
    this.position += 8;
    return value;
  }

  /** An IndexedDB key: arrays in it are read to a depth of 8. */
  key(depth = 0): string {
    switch (this.byte()) {
      case 0:
        return 'null';
      case 1:
        return this.string();
      case 2: {
        const date = new Date(this.double());
        return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString();
      }
      case 3:
        return String(this.double());
      case 4:
        return this.array(depth);
      case 5:
        return 'least key';
      case 6: {
        const length = this.varint();
        this.position += length;
        if (this.position > this.bytes.length) this.failed = true;
        return `${length} bytes`;
      }
      default:
        this.failed = true;
        return '';
    }
  }

  private array(depth: number): string {
    const length = this.varint();
    // each takes a byte at least
    if (depth >= 8 || length > this.bytes.length - this.position) this.failed = true;
    const keys: string[] = [];
    for (let i = 0; i < length && !this.failed; i++) keys.push(this.key(depth + 1));
    return `[${keys.join(', ')}]`;
  }
}

const GLOBAL = [
  'schema version',
  'highest database id',
  'data version',
  'blobs to recover',
  'blobs in use',
  'earliest sweep',
];
const OF_DATABASE = [
  'origin',
  'name',
  'version text',
  'highest object store id',
  'version',
  'next blob number',
];
const OF_STORE = [
  'name',
  'key path',
  'auto increment',
  'evictable',
  'last version',
  'highest index id',
  'has key path',
  'next key',
];
const OF_INDEX = ['name', 'unique', 'key path', 'multi-entry'];

/** What a key is in words; `undefined` for bytes that are none. */
export function idbKeyText(bytes: Uint8Array): string | undefined {
  const reader = new IdbReader(bytes);
  const lengths = reader.byte();
  const database = reader.int(((lengths >> 5) & 7) + 1);
  const store = reader.int(((lengths >> 2) & 7) + 1);
  const index = reader.int((lengths & 3) + 1);
  const text =
    database === 0n
      ? globalText(reader)
      : store === 0n
        ? `database ${database}, ${databaseText(reader)}`
        : `database ${database}, store ${store}, ${recordText(reader, index)}`;
  return reader.failed ? undefined : text;
}

function globalText(reader: IdbReader): string {
  const type = reader.byte();
  if (type === 100) return `free database id ${reader.varint()}`;
  if (type === 201) {
    const origin = reader.string();
    return `id of database ${reader.string()} of ${origin}`;
  }
  return GLOBAL[type] ?? `metadata ${type}`;
}

function databaseText(reader: IdbReader): string {
  const type = reader.byte();
  switch (type) {
    case 50: {
      const store = reader.varint();
      const what = reader.byte();
      return `store ${store}: ${OF_STORE[what] ?? `metadata ${what}`}`;
    }
    case 100: {
      const store = reader.varint();
      const index = reader.varint();
      const what = reader.byte();
      return `store ${store}, index ${index}: ${OF_INDEX[what] ?? `metadata ${what}`}`;
    }
    case 150:
      return `free store id ${reader.varint()}`;
    case 151: {
      const store = reader.varint();
      return `store ${store}: free index id ${reader.varint()}`;
    }
    case 200:
      return `id of store ${reader.string()}`;
    case 201: {
      const store = reader.varint();
      return `store ${store}: id of index ${reader.string()}`;
    }
    default:
      return OF_DATABASE[type] ?? `metadata ${type}`;
  }
}

function recordText(reader: IdbReader, index: bigint): string {
  const key = reader.key();
  if (index === 1n) return `key ${key}`;
  if (index === 2n) return `key ${key}: exists`;
  if (index === 3n) return `key ${key}: blobs`;
  reader.varint();
  return `index ${index}: ${key} of key ${reader.key()}`;
}
