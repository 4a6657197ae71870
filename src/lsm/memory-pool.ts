import { retire } from '../bytes/reused-buffer.js';

/** Bytes of the chunks that arenas are made of. */
export const CHUNK = 1 << 20;

/** What sorting needs beside the references: see sort-references.ts. */
export interface SortScratch {
  prefixes: Float64Array;
  otherPrefixes: Float64Array;
  otherReferences: Uint32Array;
}

/**
 * Memory that a memtable is done with, for the next one. What is left to the garbage collector comes back late: windows
 * that follow each other would take twice what they need.
 */
export class MemoryPool {
  private readonly chunks: ArrayBuffer[] = [];
  private references = new Uint32Array(0);
  private scratch?: SortScratch;

  takeChunk(): ArrayBuffer {
    return this.chunks.pop() ?? new ArrayBuffer(CHUNK);
  }

  giveChunk(chunk: ArrayBuffer): void {
    retire(new Uint8Array(chunk));
    if (chunk.byteLength === CHUNK) this.chunks.push(chunk);
  }

  /** An array of at least `length`, with anything in it. */
  takeReferences(length: number): Uint32Array {
    const { references } = this;
    if (references.length < length) return new Uint32Array(length);
    this.references = new Uint32Array(0);
    return references;
  }

  giveReferences(references: Uint32Array): void {
    retire(new Uint8Array(references.buffer));
    if (references.length > this.references.length) this.references = references as Uint32Array<ArrayBuffer>;
  }

  /** Arrays of at least `length`. For one sort at a time. */
  sortScratch(length: number): SortScratch {
    if (this.scratch === undefined || this.scratch.prefixes.length < length) {
      this.scratch = {
        prefixes: new Float64Array(length),
        otherPrefixes: new Float64Array(length),
        otherReferences: new Uint32Array(length),
      };
    }
    return this.scratch;
  }
}
