/**
 * What the engine makes of the batches of some files of one queue, and how it puts together what it made of the parts (tikv/raft-engine
 * src/memtable.rs `MemTableRecoverContext`, 0.4.2).
 */
import { append } from '../../bytes/append.js';
import type { Queue } from '../../format/raft-engine/file.js';
import type { EntriesItem, LogItem } from '../../format/raft-engine/items.js';
import type { BatchPlace } from '../../format/raft-engine/place.js';
import { RegionTable } from './memtable.js';

/**
 * A rewrite that took several batches is one operation: each carries this key, under a number in place of a region, and a value of
 * one byte that says which part of it it is. What lacks its end is left out.
 */
const GROUP_KEY = [0x5f, 0x5f, 0x01];
const GROUP = { begin: 0, middle: 1, end: 2 } as const;

type Tombstone = Exclude<LogItem, EntriesItem | { kind: 'put' }>;

/** An item that outlives its batch. */
type Kept = { item: LogItem; place: BatchPlace };

interface Group {
  status: number;
  items: Kept[];
}

export class ReplayMachine {
  readonly regions = new Map<bigint, RegionTable>();
  private readonly tombstones: Tombstone[] = [];
  private readonly groups = new Map<bigint, Group[]>();

  constructor(
    private readonly queue: Queue,
    /** Take entries over holes, too: to list what files hold. */
    private readonly keepsHoles = false,
  ) {}

  /** Takes a batch. Throws a `ReplayPanic` where the engine ends with one. */
  replay(items: readonly LogItem[], place: BatchPlace): void {
    const group = this.queue === 'rewrite' ? groupOf(items) : undefined;
    if (group === undefined) {
      for (const item of items) this.take(item, place);
      return;
    }
    const kept = items.filter((item) => !isGroupKey(item)).map((item) => ({ item: lasting(item), place }));
    this.acceptGroup(group.id, { status: group.status, items: kept });
  }

  /** Puts what newer files of the same queue came to on top. */
  merge(newer: ReplayMachine): void {
    append(this.tombstones, newer.tombstones);
    for (const [id, groups] of newer.groups) for (const group of groups) this.acceptGroup(id, group);
    for (const item of newer.tombstones) this.apply(item, undefined);
    for (const [id, table] of newer.regions) this.region(id).mergeNewer(table);
  }

  /** Puts the append queue on top of this, which is the rewrite queue. */
  mergeAppended(appended: ReplayMachine): void {
    for (const item of appended.tombstones) this.apply(item, undefined);
    for (const [id, table] of appended.regions) {
      const own = this.regions.get(id);
      if (own === undefined) this.regions.set(id, table);
      else own.mergeAppended(table);
    }
  }

  private take(item: LogItem, place: BatchPlace): void {
    if (isGroupKey(item)) return;
    if (item.kind !== 'entries' && item.kind !== 'put') this.tombstones.push(lasting(item) as Tombstone);
    this.apply(item, place);
  }

  private apply(item: LogItem, place: BatchPlace | undefined): void {
    if (isGroupKey(item)) return;
    const table = this.region(item.region);
    if (item.kind === 'clean') this.regions.delete(item.region);
    else if (item.kind === 'compact') table.compact(item.index);
    else if (item.kind === 'delete') table.delete(item.key);
    else if (item.kind === 'put') table.put(item.key, item.value, this.queue);
    else if (place !== undefined) {
      const { first, from, ends } = item;
      table.append({ first, count: ends.length, place, from, ends }, this.queue === 'rewrite');
    }
  }

  /** The region, which is there from the first word of it on. */
  private region(id: bigint): RegionTable {
    let table = this.regions.get(id);
    if (table === undefined) {
      table = new RegionTable(id, this.keepsHoles);
      this.regions.set(id, table);
    }
    return table;
  }

  private acceptGroup(id: bigint, next: Group): void {
    const groups = this.groups.get(id);
    const group = groups?.at(-1);
    if (groups === undefined || group === undefined) {
      this.groups.set(id, [next]);
      return;
    }
    if (next.status === GROUP.begin) {
      if (group.status === GROUP.end) groups.push(next);
      else groups[groups.length - 1] = next;
    } else if (group.status === GROUP.end) {
      return;
    } else if (group.status === GROUP.begin && next.status === GROUP.end) {
      groups.pop();
      if (groups.length === 0) this.groups.delete(id);
      this.applyGroup([...group.items, ...next.items]);
    } else {
      append(group.items, next.items);
      if (group.status === GROUP.middle) group.status = next.status;
    }
  }

  private applyGroup(items: readonly Kept[]): void {
    for (const { item } of items)
      if (item.kind !== 'entries' && item.kind !== 'put') this.tombstones.push(item);
    for (const { item, place } of items) this.apply(item, place);
    for (const { item } of items) this.region(item.region);
  }
}

function isGroupKey(item: LogItem): boolean {
  if (item.kind !== 'put' && item.kind !== 'delete') return false;
  return item.key.length === GROUP_KEY.length && GROUP_KEY.every((byte, i) => item.key[i] === byte);
}

function groupOf(items: readonly LogItem[]): { id: bigint; status: number } | undefined {
  for (const item of items)
    if (item.kind === 'put' && item.value.length === 1 && isGroupKey(item))
      return { id: item.region, status: item.value[0] };
  return undefined;
}

/** The same with bytes of its own. */
export function lasting(item: LogItem): LogItem {
  if (item.kind === 'put') return { ...item, key: item.key.slice(), value: item.value.slice() };
  return item.kind === 'delete' ? { ...item, key: item.key.slice() } : item;
}
