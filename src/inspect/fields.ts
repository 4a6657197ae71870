import { Cursor } from '../bytes/cursor.js';
import type { Node, Space, Value, Words } from './node.js';

/** What a field's value means, from the value. */
type Meaning<T> = (value: T) => Partial<Node> | Words | undefined;

/**
 * Reads fields one after the other and makes a node of each. A field that does not fit becomes a node over what is left,
 * with its problem; after it nothing is read (`failed`).
 */
export class Fields {
  readonly nodes: Node[] = [];
  failed = false;
  private readonly cursor: Cursor;

  /** `bytes[0]` stands at `base` of `space`; fields are read from `bytes[from, to)`. */
  constructor(
    private readonly space: Space,
    private readonly base: number,
    private readonly bytes: Uint8Array,
    from = 0,
    to = bytes.length,
  ) {
    this.cursor = new Cursor(bytes, from, to);
  }

  get position(): number {
    return this.cursor.position;
  }

  get remaining(): number {
    return this.failed ? 0 : this.cursor.remaining;
  }

  u8(name: string, meaning?: Meaning<number>): number | undefined {
    return this.read(name, () => this.cursor.u8(), meaning);
  }

  u16(name: string, meaning?: Meaning<number>): number | undefined {
    return this.read(name, () => this.cursor.u16(), meaning);
  }

  u32(name: string, meaning?: Meaning<number>): number | undefined {
    return this.read(name, () => this.cursor.u32(), meaning);
  }

  u64(name: string, meaning?: Meaning<bigint>): bigint | undefined {
    return this.read(name, () => this.cursor.u64(), meaning);
  }

  varint32(name: string, meaning?: Meaning<number>): number | undefined {
    return this.read(name, () => this.cursor.varint32(), meaning);
  }

  varint64(name: string, meaning?: Meaning<bigint>): bigint | undefined {
    return this.read(name, () => this.cursor.varint64(), meaning);
  }

  take(name: string, length: number, meaning?: Meaning<Uint8Array>): Uint8Array | undefined {
    return this.read(name, () => this.cursor.take(length), meaning, `${length} bytes`);
  }

  /** Bytes that mean nothing by themselves. */
  raw(name: string, length: number): Uint8Array | undefined {
    return this.take(name, length, () => ({ value: undefined }));
  }

  /** A varint32 length and so many bytes: two fields. */
  lengthPrefixed(name: string, meaning?: Meaning<Uint8Array>): Uint8Array | undefined {
    const length = this.varint32(`${name} length`);
    return length === undefined ? undefined : this.take(name, length, meaning);
  }

  /** What is left, as one field. */
  rest(name: string, meaning?: Meaning<Uint8Array>): Uint8Array | undefined {
    return this.failed || this.cursor.remaining === 0
      ? undefined
      : this.take(name, this.cursor.remaining, meaning);
  }

  /** Fields that belong together, read by `body`. */
  group(name: string, body: (fields: Fields) => Partial<Node> | undefined): void {
    const from = this.cursor.position;
    const inner = new Fields(this.space, this.base, this.bytes, from, this.cursor.end);
    const about = body(inner);
    this.cursor.position = inner.position;
    this.failed ||= inner.failed;
    this.nodes.push({
      name,
      at: { space: this.space, offset: this.base + from, length: inner.position - from },
      ...about,
      children: () => inner.nodes,
    });
  }

  private read<T extends Value>(
    name: string,
    take: () => T | undefined,
    meaning?: Meaning<T>,
    what = 'the field',
  ): T | undefined {
    if (this.failed) return undefined;
    const { cursor, space, base } = this;
    const from = cursor.position;
    const value = take();
    if (value === undefined) {
      this.failed = true;
      cursor.position = cursor.end;
      const problems = [`${what} does not fit into the ${cursor.end - from} bytes that are left`];
      const at = { space, offset: base + from, length: cursor.end - from };
      this.nodes.push({ name, at, problems, bytes: this.bytes.subarray(from, cursor.end) });
      return undefined;
    }
    const meant = meaning?.(value);
    const about = typeof meant === 'string' || Array.isArray(meant) ? { text: meant } : meant;
    this.nodes.push({
      name,
      at: { space, offset: base + from, length: cursor.position - from },
      value,
      bytes: this.bytes.subarray(from, cursor.position),
      ...(about as Partial<Node> | undefined),
    });
    return value;
  }
}
