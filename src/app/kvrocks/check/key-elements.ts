import { END, ENTRY } from '../../../lsm/cursor.js';
import type { View } from '../../../lsm/view.js';
import type { KvrocksFamily } from '../families.js';
import { decodeUserKey } from '../key.js';
import type { KvrocksLayout } from '../layout.js';
import { decodeMetadata, type Metadata } from '../metadata.js';
import { elementPrefix } from './element-order.js';
import { walkPrefix } from './walk.js';

/** Bytes of elements that are handed over at once. */
const PIECE = 64 << 10;

/** One key with its metadata, and a way to its elements. */
export class KeyElements {
  private constructor(
    private readonly view: View,
    private readonly layout: KvrocksLayout,
    readonly metadataKey: Uint8Array,
    readonly value: Uint8Array,
    readonly metadata: Metadata,
    /** What the keys of its elements begin with: the key and the version. */
    readonly prefix: Uint8Array,
  ) {}

  /** `undefined` when there is no such key, or its metadata does not decode. */
  static async find(
    view: View,
    layout: KvrocksLayout,
    metadataKey: Uint8Array,
  ): Promise<KeyElements | undefined> {
    const id = idOf(layout, 'metadata');
    let value: Uint8Array | undefined;
    if (id === undefined) return undefined;
    await walkPrefix(view, id, metadataKey, (rest, bytes) => {
      if (rest.length === 0) value = bytes.slice();
      return false;
    });
    const metadata = value && decodeMetadata(value);
    const key = elementPrefix(metadataKey, layout.slots);
    if (value === undefined || metadata?.version === undefined || key === undefined) return undefined;
    const prefix = new Uint8Array(key.length + 8);
    prefix.set(key);
    new DataView(prefix.buffer).setBigUint64(key.length, metadata.version);
    return new KeyElements(view, layout, metadataKey, value, metadata, prefix);
  }

  get slots(): boolean {
    return this.layout.slots;
  }

  /** As clients name it. */
  get userKey(): Uint8Array {
    return decodeUserKey(this.metadataKey, this.slots)?.key ?? this.metadataKey;
  }

  /** Number of a column family; `undefined` where the database has none of the name. */
  family(name: KvrocksFamily): number | undefined {
    return idOf(this.layout, name);
  }

  /** Walks the elements that the key has in a column family, in their order. The bytes are valid during the call. */
  async walk(
    name: KvrocksFamily,
    element: (subkey: Uint8Array, value: Uint8Array) => unknown,
  ): Promise<void> {
    const id = this.family(name);
    if (id !== undefined) await walkPrefix(this.view, id, this.prefix, element);
  }

  /** The elements in pieces: at most `most` of them, or 64 KiB and one more. */
  async *pieces(name: KvrocksFamily, most = 100): AsyncGenerator<[subkey: Uint8Array, value: Uint8Array][]> {
    const id = this.family(name);
    if (id === undefined) return;
    const { prefix } = this;
    const visible = this.view.visible(id, { from: prefix });
    let piece: [Uint8Array, Uint8Array][] = [];
    let bytes = 0;
    try {
      for (let step = visible.step(); step !== END; step = visible.step()) {
        if (step !== ENTRY) {
          await visible.load();
          continue;
        }
        const key = visible.keyBytes.slice(0, visible.keyTo);
        if (Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) break;
        const value = visible.valueBytes.slice(visible.valueFrom, visible.valueTo);
        piece.push([key.subarray(prefix.length), value]);
        bytes += key.length + value.length;
        if (piece.length < most && bytes < PIECE) continue;
        yield piece;
        piece = [];
        bytes = 0;
      }
      if (piece.length > 0) yield piece;
    } finally {
      await visible.close();
    }
  }

  /** The key under which an element stands. */
  keyOf(subkey: Uint8Array): Uint8Array {
    return Buffer.concat([this.prefix, subkey]);
  }
}

export function idOf({ families }: KvrocksLayout, name: KvrocksFamily): number | undefined {
  return [...families].find(([, family]) => family === name)?.[0];
}
