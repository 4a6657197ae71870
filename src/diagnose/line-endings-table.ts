import { append } from '../bytes/append.js';
import type { ByteSource } from '../bytes/source.js';
import { readFilter } from '../check/sst/filters.js';
import type { LiveTable } from '../format/manifest/version.js';
import { blockChecksum, storedChecksum } from '../format/sst/checksum.js';
import { type Footer, SHORTEST_FOOTER, TABLE_MAGIC } from '../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { openTable } from '../format/sst/table.js';
import { memorySource } from '../io/source.js';
import { type LineEndingChange, type LineEndings, type UndoneRun, UndoneRuns } from './line-endings.js';
import { selfPlaced } from './shifted-table.js';

/** Larger tables are not put together in memory. Bytes. */
const LARGEST = 256 << 20;
const FOOTERS = new Set(TABLE_MAGIC.map(({ length }) => length));

/** A table as it was before its line endings changed: `bytes` are all of the file. */
export async function tableBefore(
  bytes: Uint8Array,
  change: LineEndingChange,
  live?: LiveTable,
): Promise<{ source: ByteSource; endings: LineEndings } | undefined> {
  const runs = new UndoneRuns(bytes, change);
  for (const length of FOOTERS) {
    for (const tail of runs.before(bytes.length, length)) {
      const footer = selfPlaced(tail.bytes);
      if (footer === undefined || footer.length !== length) continue;
      const size = footer.offset + length;
      if (size > LARGEST || size < SHORTEST_FOOTER || (live !== undefined && live.size !== BigInt(size)))
        continue;
      const metaindex = blockBefore(runs, footer, footer.metaindex!, tail.from);
      if (metaindex === undefined) continue;
      const table = new UndoneTable(bytes, runs, footer);
      table.put(footer.offset, tail);
      table.put(footer.metaindex!.offset, metaindex);
      return (await table.fill()) ? table.result() : undefined;
    }
  }
  return undefined;
}

/** The block at a handle, taken from what stands before file offset `to`, as it holds. */
function blockBefore(
  runs: UndoneRuns,
  footer: Footer,
  { offset, size }: BlockHandle,
  to: number,
): UndoneRun | undefined {
  for (const run of runs.before(to, size + BLOCK_TRAILER)) {
    if (blockChecksum(footer, run.bytes, 0, size, offset) === storedChecksum(run.bytes, size)) return run;
  }
  return undefined;
}

/** A table that is put together from its end, block by block, each proven by its checksum. */
class UndoneTable {
  private readonly table: Uint8Array;
  private readonly exceptions: number[] = [];
  /** What is known begins here: in the table, and in the file. */
  private begin = 0;
  private at = 0;
  /** Blocks that are named, by where they end. */
  private readonly ending = new Map<number, BlockHandle>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly runs: UndoneRuns,
    private readonly footer: Footer,
  ) {
    this.table = new Uint8Array(footer.offset + footer.length);
  }

  put(offset: number, run: UndoneRun): void {
    this.table.set(run.bytes, offset);
    append(this.exceptions, run.exceptions);
    this.begin = offset;
    this.at = run.from;
  }

  /** Puts everything before the metaindex. False when a block does not hold however it is read. */
  async fill(): Promise<boolean> {
    while (this.begin > 0) {
      if (!this.ending.has(this.begin)) await this.learn();
      const handle = this.ending.get(this.begin);
      if (handle === undefined) {
        if (!this.skipPadding()) return false;
        continue;
      }
      const run = blockBefore(this.runs, this.footer, handle, this.at);
      if (run === undefined) return false;
      this.put(handle.offset, run);
    }
    return this.at === 0;
  }

  result(): { source: ByteSource; endings: LineEndings } {
    const exceptions = this.exceptions.sort((a, b) => a - b);
    return { source: memorySource(this.table), endings: { change: this.runs.change, exceptions } };
  }

  /** Which blocks what is known by now names. */
  private async learn(): Promise<void> {
    const table = await openTable(memorySource(this.table));
    const { index, meta, blocks, indexParts } = table;
    const named = [...blocks, ...meta, ...indexParts].map(({ handle }) => handle);
    if (this.footer.index !== undefined) named.push(this.footer.index);
    if (table.metaindexSound)
      append(
        named,
        (await readFilter(table)).blocks.map(({ handle }) => handle),
      );
    for (let i = 0; i < (index?.count ?? 0); i++)
      named.push({ offset: index!.offset(i), size: index!.size(i) });
    for (const handle of named) this.ending.set(handle.offset + handle.size + BLOCK_TRAILER, handle);
  }

  /** Blocks may be aligned, with zeros between them. */
  private skipPadding(): boolean {
    let end = 0;
    for (const each of this.ending.keys()) if (each < this.begin && each > end) end = each;
    const length = this.begin - end;
    const from = this.at - length;
    if (end === 0 || from < 0 || this.bytes.subarray(from, this.at).some((byte) => byte !== 0)) return false;
    this.begin = end;
    this.at = from;
    return true;
  }
}
