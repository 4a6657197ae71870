import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { ColumnFamily, LiveTable } from '../format/manifest/version.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import { KEY_TRAILER } from '../format/sst/internal-key.js';
import { type KeyOrder, keyOrder } from '../lsm/key-order.js';

/**
 * Tables that are compared one by one to tell newer from older ones of a level, over all questions. On levels below 0 that is
 * not needed, and level 0 of a real database has some dozens of tables.
 */
const MOST_COMPARED = 2_000_000;

/** A live table and the column family it is of. */
export interface Owner {
  family: ColumnFamily;
  table: LiveTable;
}

/** An internal key without its sequence and type. */
export function userKey(internal: Uint8Array): Uint8Array {
  return internal.slice(0, userKeyEnd(internal));
}

function userKeyEnd(internal: Uint8Array): number {
  return Math.max(0, internal.length - KEY_TRAILER);
}

function tableNumber(file: string): bigint | undefined {
  const digits = /(\d+)\.(?:sst|ldb)$/.exec(file)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}

/** The live table that a file name is of, for who asks once. */
export function ownerOf(file: string, version: Database['version']): Owner | undefined {
  const number = tableNumber(file);
  if (number === undefined) return undefined;
  for (const family of version?.columnFamilies.values() ?? []) {
    const table = family.tables.get(number);
    if (table !== undefined) return { family, table };
  }
  return undefined;
}

/** The live tables of a version, made ready for one question for each of them: by number, and by their keys. */
export class LiveTables {
  private owners: Map<bigint, Owner> | undefined;
  private files: Map<string, string[]> | undefined;
  private readonly families = new Map<ColumnFamily, FamilyTables>();
  private readonly work = { left: MOST_COMPARED };

  constructor(
    private readonly version: Database['version'],
    private readonly facts: ReadonlyMap<string, UnitFacts> = new Map(),
  ) {}

  /** The live table that a file name is of. */
  owner(file: string): Owner | undefined {
    const number = tableNumber(file);
    if (number === undefined) return undefined;
    this.owners ??= ownersIn(this.version);
    return this.owners.get(number);
  }

  /** Files that are tables of this unique id. */
  filesWith(uniqueId: Uint8Array): readonly string[] {
    this.files ??= filesById(this.facts);
    return this.files.get(idText(uniqueId)) ?? [];
  }

  /**
   * How many live tables of its column family may hold keys of `from` to `to`, both included, in newer and older versions than
   * a table; `undefined` where there are too many to tell.
   */
  overlapping(
    { family, table }: Owner,
    from: Uint8Array,
    to: Uint8Array,
  ): { newer: number; older: number } | undefined {
    let tables = this.families.get(family);
    if (tables === undefined) {
      tables = new FamilyTables(family, this.work);
      this.families.set(family, tables);
    }
    return tables.overlapping(table, from, to);
  }
}

function ownersIn(version: Database['version']): Map<bigint, Owner> {
  const owners = new Map<bigint, Owner>();
  for (const family of version?.columnFamilies.values() ?? [])
    for (const table of family.tables.values())
      if (!owners.has(table.number)) owners.set(table.number, { family, table });
  return owners;
}

function filesById(facts: ReadonlyMap<string, UnitFacts>): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const [file, fact] of facts) {
    if (fact.kind !== 'table' || fact.uniqueId === undefined) continue;
    const id = idText(fact.uniqueId);
    const same = files.get(id);
    if (same === undefined) files.set(id, [file]);
    else same.push(file);
  }
  return files;
}

function idText(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}

/** Tables of a level, and their bounds as internal keys, each in its own order. */
interface Level {
  tables: LiveTable[];
  smallest: Uint8Array[];
  largest: Uint8Array[];
}

class FamilyTables {
  /** Bounds can be put in order where it is known: not in one that only the application knows. */
  private readonly order: KeyOrder;
  private readonly levels = new Map<number, Level>();

  constructor(
    family: ColumnFamily,
    private readonly work: { left: number },
  ) {
    this.order = keyOrder(family.comparator || comparatorNamed().name);
    for (const table of family.tables.values()) {
      const level = this.levels.get(table.level);
      if (level === undefined) this.levels.set(table.level, { tables: [table], smallest: [], largest: [] });
      else level.tables.push(table);
    }
    if (!this.order.known) return;
    for (const level of this.levels.values()) {
      level.smallest = this.sorted(level.tables.map(({ smallest }) => smallest));
      level.largest = this.sorted(level.tables.map(({ largest }) => largest));
    }
  }

  overlapping(
    table: LiveTable,
    from: Uint8Array,
    to: Uint8Array,
  ): { newer: number; older: number } | undefined {
    const found = { newer: 0, older: 0 };
    this.work.left -= this.levels.size;
    for (const [number, level] of this.levels) {
      const count = this.countIn(level, from, to);
      if (number < table.level) found.newer += count;
      else if (number > table.level) found.older += count;
      else if (count > (this.overlaps(table, from, to) ? 1 : 0)) {
        this.work.left -= level.tables.length;
        if (this.work.left < 0) return undefined;
        for (const other of level.tables) {
          if (other.number === table.number || !this.overlaps(other, from, to)) continue;
          if (isNewer(other, table)) found.newer++;
          else found.older++;
        }
      }
    }
    return this.work.left < 0 ? undefined : found;
  }

  /** All, but for those that end before `from` and those that begin after `to`. */
  private countIn({ tables, smallest, largest }: Level, from: Uint8Array, to: Uint8Array): number {
    if (!this.order.known) return tables.length;
    const before = this.firstWhere(largest, (bound) => this.compare(bound, from) >= 0);
    const behind = this.firstWhere(smallest, (bound) => this.compare(bound, to) > 0);
    return Math.max(0, behind - before);
  }

  private overlaps({ smallest, largest }: LiveTable, from: Uint8Array, to: Uint8Array): boolean {
    return this.compare(largest, from) >= 0 && this.compare(smallest, to) <= 0;
  }

  /** A bound with a user key. Where the order is not known, every table may have the key. */
  private compare(bound: Uint8Array, key: Uint8Array): number {
    const { known, compareUserKeys } = this.order;
    return known ? compareUserKeys(bound, 0, userKeyEnd(bound), key, 0, key.length) : 0;
  }

  /** Without a copy of each: there may be very many. */
  private sorted(bounds: Uint8Array[]): Uint8Array[] {
    const { compareUserKeys } = this.order;
    return bounds.sort((a, b) => compareUserKeys(a, 0, userKeyEnd(a), b, 0, userKeyEnd(b)));
  }

  private firstWhere(keys: readonly Uint8Array[], holds: (key: Uint8Array) => boolean): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(keys[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** On level 0 the epoch decides, where there is one, else the sequence numbers. */
function isNewer(other: LiveTable, table: LiveTable): boolean {
  if (other.epoch !== undefined && table.epoch !== undefined && other.epoch !== table.epoch)
    return other.epoch > table.epoch;
  return other.largestSequence > table.largestSequence;
}
