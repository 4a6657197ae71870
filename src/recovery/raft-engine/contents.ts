import type { ByteSource } from '../../bytes/source.js';
import { type EntriesFault, openEntries } from '../../format/raft-engine/batch.js';
import type { BatchPlace, QueueFile } from '../../format/raft-engine/place.js';
import { ENTRIES_BLOCK_LIMIT } from '../../format/raft-engine/reader.js';
import { openSource } from '../../io/source.js';
import type { EntryRun, RegionTable } from './memtable.js';

/** An entry of a region: its bytes, which end with the next one, or why there are none. */
interface StoredEntry {
  index: bigint;
  place: BatchPlace;
  bytes?: Uint8Array;
  /** `misfit`: what lies there is not this entry. */
  fault?: EntriesFault | 'misfit';
}

/** Reads entries where a replay says they lie. Holds one file open and one block of entries in memory. */
export class EntryReader {
  private open: { file: string; source: ByteSource } | undefined;
  private block: { place: BatchPlace; entries: Uint8Array | EntriesFault } | undefined;

  constructor(private readonly files: ReadonlyMap<string, QueueFile>) {}

  /** The entries of a region with indexes from `from` to `to`. */
  async *entries({ region, runs }: RegionTable, from = 0n, to?: bigint): AsyncGenerator<StoredEntry> {
    for (const run of runs) {
      const { first, count } = run;
      if (first + BigInt(count) <= from) continue;
      if (to !== undefined && first > to) return;
      const entries = await this.blockOf(run.place);
      for (let i = 0; i < count; i++) {
        const index = first + BigInt(i);
        if (index >= from && (to === undefined || index <= to)) yield entryOf(run, i, region, index, entries);
      }
    }
  }

  async close(): Promise<void> {
    await this.open?.source.close();
    this.open = undefined;
  }

  private async blockOf(place: BatchPlace): Promise<Uint8Array | EntriesFault> {
    if (place.fault !== undefined) return place.fault;
    if (this.block?.place === place) return this.block.entries;
    const { offset, length } = place.entries;
    if (length > ENTRIES_BLOCK_LIMIT) return 'limit';
    const bytes = new Uint8Array(length);
    const got = await (await this.sourceOf(place.file)).read(bytes, offset);
    const entries = got < length ? 'too-short' : openEntries(bytes, place.compression);
    this.block = { place, entries };
    return entries;
  }

  private async sourceOf(file: string): Promise<ByteSource> {
    if (this.open?.file === file) return this.open.source;
    await this.close();
    const source = await openSource(this.files.get(file)!.source);
    this.open = { file, source };
    return source;
  }
}

function entryOf(
  { place, from, ends }: EntryRun,
  i: number,
  region: bigint,
  index: bigint,
  entries: Uint8Array | EntriesFault,
): StoredEntry {
  if (typeof entries === 'string') return { index, place, fault: entries };
  const misfit = place.misfits?.some((each) => each.region === region && each.index === index);
  if (misfit) return { index, place, fault: 'misfit' };
  return { index, place, bytes: entries.subarray(i === 0 ? from : ends[i - 1], ends[i]) };
}
