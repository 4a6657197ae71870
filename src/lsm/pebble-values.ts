import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { loadBlock } from '../format/sst/load.js';
import type { Table } from '../format/sst/table.js';
import {
  hasPrefix,
  hasValuePrefixes,
  isInBlobFile,
  isInPlace,
  isInValueBlock,
  OBSOLETE_BIT,
  valueHandle,
} from '../format/sst/value-blocks.js';

/** Bytes of a value. */
interface Place {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/** Values and types of Pebble's tables as a walk over other tables has them. Holds one value block. */
export class PebbleValues {
  /** A value block must be loaded before the value is asked for again. */
  waits = false;
  /** What `value` gave last is a handle of a blob file. */
  isInBlobFile = false;
  private wanted = -1;
  private number = -1;
  private contents: Uint8Array | undefined;
  readonly prefixed: boolean;
  readonly columnar: boolean;

  constructor(private readonly table: Table) {
    this.prefixed = hasValuePrefixes(table.footer);
    this.columnar = table.space?.columns !== undefined;
  }

  /** The low half of a trailer with a type that every walk knows: what deletes, deletes. */
  typed(low: number): number {
    const type = low & 0xff & ~(this.prefixed ? OBSOLETE_BIT : 0);
    const known =
      type === VALUE_TYPE.sizedDelete
        ? VALUE_TYPE.delete
        : type === VALUE_TYPE.setWithDelete
          ? VALUE_TYPE.put
          : type;
    this.isPrefixed = this.prefixed && hasPrefix(type, this);
    return ((low & 0xffffff00) | known) >>> 0;
  }

  private isPrefixed = false;

  /**
   * The value after an entry, with the prefix byte where it is a handle of a blob file; `undefined` where it has to be loaded first, or
   * cannot be read.
   */
  value(bytes: Uint8Array, from: number, to: number): Place | undefined {
    this.waits = false;
    this.isInBlobFile = false;
    if (!this.isPrefixed) return { bytes, from, to };
    if (from >= to) return undefined;
    if (isInPlace(bytes[from])) return { bytes, from: from + 1, to };
    if (this.columnar && isInBlobFile(bytes[from])) {
      this.isInBlobFile = true;
      return { bytes, from, to };
    }
    const handle = isInValueBlock(bytes[from]) ? valueHandle(bytes, from, to) : undefined;
    if (handle === undefined || handle.block >= (this.table.valueBlocks?.handles.length ?? 0))
      return undefined;
    if (handle.block !== this.number) {
      this.wanted = handle.block;
      this.waits = true;
      return undefined;
    }
    const { contents } = this;
    const end = handle.offset + handle.length;
    return contents === undefined || end > contents.length
      ? undefined
      : { bytes: contents, from: handle.offset, to: end };
  }

  async load(): Promise<void> {
    const { space, valueBlocks } = this.table;
    this.number = this.wanted;
    const block = await loadBlock(space!, valueBlocks!.handles[this.wanted], 'value');
    this.contents = block.sound ? block.contents : undefined;
  }
}
