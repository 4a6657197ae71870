import {
  fixBlobFooter,
  fixBlobRecord,
  fixBlock,
  fixFooter,
  fixRecord,
  fixTitanFooter,
  fixTitanRecord,
} from '../support/checksum.js';
import type { Random } from './random.js';

/** Where checksums lie in a healthy file, so that damage can be put after valid ones. */
export interface Layout {
  /** Log records: offset of the header and bytes with it. */
  records: { offset: number; length: number }[];
  /** Table blocks: payload offset and size, without the 5-byte trailer. */
  blocks: { offset: number; size: number }[];
  blobRecords: { offset: number; length: number }[];
  /** The footer has a checksum of its own; 'titan': so have the records of the blob file, in Titan's form. */
  footer: 'none' | 'table' | 'blob' | 'titan';
}

/** Damaged bytes and what was done to them, as patches of a fixture (test/support/patch.ts). */
export interface Mutation {
  bytes: Uint8Array;
  patches: string[];
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Values that lengths, counts and types like to go wrong with. */
const NASTY = [0x00, 0x01, 0x7f, 0x80, 0xff];

/** Some bytes in [from, to) become others. The patch has no file name yet: `%`. */
function disturb(bytes: Uint8Array, from: number, to: number, random: Random): string {
  const at = from + random.below(to - from);
  const room = to - at;
  switch (random.below(7)) {
    case 0:
    case 1: {
      const bit = random.below(8);
      bytes[at] ^= 1 << bit;
      return `flip % ${at}.${bit}`;
    }
    case 2:
      bytes[at] = random.pick(NASTY);
      break;
    case 3: {
      const length = Math.min(room, random.length(64));
      bytes.set(random.bytes(length), at);
      return `write % ${at} ${hex(bytes.subarray(at, at + length))}`;
    }
    case 4: {
      const length = Math.min(room, random.length(room));
      bytes.fill(0, at, at + length);
      return `zero % ${at} ${length}`;
    }
    case 5: {
      // A varint or a fixed integer that says far too much.
      const length = Math.min(room, 1 + random.below(9));
      bytes.fill(0xff, at, at + length);
      return `write % ${at} ${'ff'.repeat(length)}`;
    }
    default: {
      // Bytes from elsewhere in the same file: plausible, in the wrong place.
      const length = Math.min(room, random.length(room));
      const source = random.below(bytes.length - length + 1);
      bytes.copyWithin(at, source, source + length);
      return `write % ${at} ${hex(bytes.subarray(at, at + length))}`;
    }
  }
  return `write % ${at} ${hex(bytes.subarray(at, at + 1))}`;
}

function reshape(bytes: Uint8Array, random: Random): Mutation {
  const at = random.below(bytes.length);
  const rest = bytes.length - at;
  switch (random.below(4)) {
    case 0:
      return { bytes: bytes.slice(0, at), patches: [`truncate % ${at}`] };
    case 1: {
      const more = random.chance(0.5) ? new Uint8Array(random.length(4096)) : random.bytes(random.length(64));
      return { bytes: Buffer.concat([bytes, more]), patches: [`append % ${hex(more)}`] };
    }
    case 2: {
      const more = random.bytes(random.length(64));
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]),
        patches: [`insert % ${at} ${hex(more)}`],
      };
    }
    default: {
      const length = Math.min(rest, random.length(rest));
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
        patches: [`cut % ${at} ${length}`],
      };
    }
  }
}

/** Nonsense after a right checksum: what no engine wrote, and every decoder must survive. */
async function nonsense(bytes: Uint8Array, layout: Layout, random: Random): Promise<string[]> {
  const patches: string[] = [];
  const some = (from: number, to: number) => {
    for (let n = 1 + random.below(3); n > 0; n--) patches.push(disturb(bytes, from, to, random));
  };
  if (layout.records.length > 0) {
    const { offset, length } = random.pick(layout.records);
    // Not the length field: the checksum would cover other bytes.
    some(Math.min(offset + 6, offset + length - 1), offset + length);
    if (fits(() => fixRecord(bytes, offset))) patches.push(`fix-record % ${offset}`);
  } else if (layout.blobRecords.length > 0 && random.chance(0.9)) {
    const { offset, length } = random.pick(layout.blobRecords);
    some(offset, offset + length);
    if (layout.footer === 'titan') {
      if (fits(() => fixTitanRecord(bytes, offset))) patches.push(`fix-titan % ${offset}`);
    } else if (fits(() => fixBlobRecord(bytes, offset))) patches.push(`fix-blob % ${offset}`);
  } else if (layout.footer === 'titan') {
    some(bytes.length - 32, bytes.length - 4);
    fixTitanFooter(bytes);
    patches.push('fix-titan-footer %');
  } else if (layout.footer === 'blob') {
    some(bytes.length - 32, bytes.length - 4);
    fixBlobFooter(bytes);
    patches.push('fix-blob-footer %');
  } else if (layout.footer === 'table' && random.chance(0.1)) {
    some(bytes.length - 53, bytes.length);
    await fixFooter(bytes);
    patches.push('fix-footer %');
  } else if (layout.blocks.length > 0) {
    const { offset, size } = random.pick(layout.blocks);
    some(offset, offset + size + 1);
    await fixBlock(bytes, offset, size);
    patches.push(`fix-block % ${offset} ${size}`);
  } else some(0, bytes.length);
  return patches;
}

/** Whole log records in another order, twice, or gone. Their checksums hold where they stand. */
function rearrange(bytes: Uint8Array, { records }: Layout, random: Random): Mutation {
  const { offset, length } = random.pick(records);
  const record = bytes.subarray(offset, offset + length);
  const without = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length)]);
  const gone = `cut % ${offset} ${length}`;
  const into = (file: Uint8Array, at: number) => ({
    bytes: Buffer.concat([file.subarray(0, at), record, file.subarray(at)]),
    patch: `insert % ${at} ${hex(record)}`,
  });
  const other = random.pick(records).offset;
  switch (random.below(3)) {
    case 0:
      return { bytes: without, patches: [gone] };
    case 1: {
      const { bytes: twice, patch } = into(bytes, other);
      return { bytes: twice, patches: [patch] };
    }
    default: {
      const { bytes: moved, patch } = into(without, other > offset ? other - length : other);
      return { bytes: moved, patches: [gone, patch] };
    }
  }
}

/** False where a damaged length leads out of the file. */
function fits(fix: () => void): boolean {
  try {
    fix();
    return true;
  } catch {
    return false;
  }
}

/** Damages a copy of a healthy file. An empty file can only grow. */
export async function mutate(healthy: Uint8Array, layout: Layout, random: Random): Promise<Mutation> {
  if (healthy.length === 0) {
    const bytes = random.bytes(random.length(4096));
    return { bytes, patches: [`append % ${hex(bytes)}`] };
  }
  if (random.chance(0.2))
    return layout.records.length > 1 && random.chance(0.5)
      ? rearrange(healthy, layout, random)
      : reshape(healthy, random);
  const bytes = Uint8Array.from(healthy);
  if (random.chance(0.6)) return { patches: await nonsense(bytes, layout, random), bytes };
  const patches: string[] = [];
  for (let n = 1 + random.below(4); n > 0; n--) patches.push(disturb(bytes, 0, bytes.length, random));
  return { bytes, patches };
}
