import { ENTRY } from '../../../lsm/cursor.js';
import { MemoryPool } from '../../../lsm/memory-pool.js';
import { Memtable } from '../../../lsm/memtable.js';
import type { View } from '../../../lsm/view.js';
import { WindowCursor } from '../../../lsm/window-cursor.js';
import type { Window } from '../../../lsm/windows.js';
import { walkEntries } from './walk.js';

/** Whether elements of a key can stand in other column families: not for strings and JSON. */
const hasElements = (value: Uint8Array) => (value[0] & 0x0f) !== 1 && (value[0] & 0x0f) !== 10;

/** Bytes of metadata that are kept: more than any type writes. */
const KEPT = 512;

/**
 * The key of metadata as the keys of its elements begin:
 *
 *     u8 length | namespace | [u16 slot] | user key   →   u8 length | namespace | [u16 slot] | u32 length | user key
 *
 * `undefined` for what is no key of metadata.
 */
export function elementPrefix(key: Uint8Array, slots: boolean): Uint8Array | undefined {
  if (key.length === 0) return undefined;
  const at = 1 + key[0] + (slots ? 2 : 0);
  if (at > key.length) return undefined;
  const prefix = new Uint8Array(key.length + 4);
  prefix.set(key.subarray(0, at));
  new DataView(prefix.buffer).setUint32(at, key.length - at);
  prefix.set(key.subarray(at), at + 4);
  return prefix;
}

/** The key of metadata that elements whose keys begin with `prefix` belong to. */
export function metadataKeyOf(prefix: Uint8Array, slots: boolean): Uint8Array {
  const at = 1 + prefix[0] + (slots ? 2 : 0);
  return Buffer.concat([prefix.subarray(0, at), prefix.subarray(at + 4)]);
}

interface KeyOrderOptions {
  /** Bytes of memory for keys. */
  budget: number;
  /** Told of each entry of the column family, in its own order, the first time it is walked. */
  entry(key: Uint8Array, value: Uint8Array): void;
}

/**
 * Keys of column family `metadata`, those that have elements, in the order in which their elements stand: elements are sorted
 * by the length of the user key first, metadata by the user key alone. In bounded memory: as many keys as fit are sorted at
 * a time, and the column family is walked once for each such window, while elements are walked once in all.
 */
export class KeysInElementOrder {
  /** Why metadata was not read to its end. */
  problem?: string;
  private readonly pool = new MemoryPool();
  private readonly windows: WindowCursor;
  private walks = 0;

  constructor(
    private readonly view: View,
    private readonly columnFamily: number,
    private readonly slots: boolean,
    private readonly options: KeyOrderOptions,
  ) {
    this.windows = new WindowCursor((from) => this.window(from), undefined);
  }

  /** The next key, as its elements' keys begin, with its metadata. Valid until the next call. */
  async next(): Promise<{ prefix: Uint8Array; value: Uint8Array } | undefined> {
    const { windows } = this;
    for (let step = windows.step(); step !== ENTRY; step = windows.step()) {
      if (step === 0) return undefined;
      await windows.load();
    }
    const { keyBytes, keyFrom, keyTo, valueBytes, valueFrom, valueTo } = windows;
    return { prefix: keyBytes.subarray(keyFrom, keyTo), value: valueBytes.subarray(valueFrom, valueTo) };
  }

  close(): Promise<void> {
    return this.windows.close();
  }

  private async window(from: Uint8Array | undefined): Promise<Window> {
    const { view, columnFamily, slots, pool } = this;
    const { budget, entry } = this.options;
    const window: Window = { memtable: new Memtable(view.order(columnFamily), pool) };
    const first = this.walks++ === 0;
    let sinceLook = 0;
    this.problem ??= await walkEntries(view, columnFamily, (key, value) => {
      if (first) entry(key, value);
      const prefix = value.length > 0 && hasElements(value) ? elementPrefix(key, slots) : undefined;
      if (prefix === undefined) return;
      if (from !== undefined && Buffer.compare(prefix, from) < 0) return;
      if (window.to !== undefined && Buffer.compare(prefix, window.to) >= 0) return;
      window.memtable.add(prefix, 0, 0, value.subarray(0, KEPT));
      sinceLook += prefix.length + value.length;
      if (sinceLook < budget / 16 || window.memtable.footprint < budget) return;
      sinceLook = 0;
      window.to = window.memtable.trim(budget / 2) ?? window.to;
    });
    return window;
  }
}
