import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { identityOf } from '../engine/identity.js';
import type { ManifestReplay } from '../format/manifest/replay.js';
import { copyOfVersion, type LiveTable, type Version } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import { FilesHere, isNumberTaken, tablesOfOtherNames } from './files.js';
import { addedSince, doubtfulIn, entriesOf, leftOutOf, movedOf, tablesOf, unlinkedIn } from './holdings.js';
import { isOwn, type Joined, join, WalChain } from './join.js';
import { LoggedHistory } from './logged-history.js';
import { isOfRepairDb, isSound, type ManifestWalk, versionAt, walkManifests } from './manifests.js';
import { isUnbroken, newsOf } from './news.js';
import { orderStates, rank, signatureOf } from './order.js';
import { type RebuiltVersion, rebuildVersion } from './rebuild.js';
import { nothingUnproven, type State, type StateOrigin, type States } from './state.js';
import { comparing, type FoundTable, findTables, INGESTED, isOtherwiseOrdered } from './tables.js';
import { readWalContents } from './wals.js';

/** States that are put together from one MANIFEST, its end not counted. */
const PER_MANIFEST = 8;

/**
 * Lists every state that the files of a directory can still give: each MANIFEST, in lost/ too, at its end and where all files
 * were last here, with tables that it does not know, and the tables alone; each joined with the WALs that connect to it.
 * `facts`: what has been read of files, by the inventory's `file`.
 */
export async function listStates(
  database: Database,
  facts: ReadonlyMap<string, UnitFacts> = new Map(),
): Promise<States> {
  const list = new Listing(database, facts);
  return list.run();
}

class Listing {
  files!: FilesHere;
  private chain!: WalChain;
  private walks: ManifestWalk[] = [];
  private found: FoundTable[] | undefined;
  private history: LoggedHistory | undefined;
  private readonly states: State[] = [];
  private readonly problems: string[] = [];

  constructor(
    readonly database: Database,
    private readonly facts: ReadonlyMap<string, UnitFacts>,
  ) {}

  async run(): Promise<States> {
    const { database } = this;
    const wals = await readWalContents(database);
    this.chain = new WalChain(wals);
    this.files = await FilesHere.of(database);
    this.walks = await walkManifests(database, this.files, (table, family) =>
      this.chain.holds(table, family),
    );
    for (const walk of this.worthwhile()) await this.fromManifest(walk);
    for (const walk of this.walks) await this.beforeManifest(walk);
    // tables do not tell which of them are missing: a MANIFEST does
    if (this.walks.every(({ replay }) => !isSound(replay))) await this.fromTables();
    const states = this.ordered();
    const strange = this.found === undefined ? [] : await tablesOfOtherNames(database);
    const current = states.find(({ current: own }) => own);
    const { walks: manifests, problems } = this;
    return {
      states,
      ...(current && { current }),
      manifests,
      wals,
      unread: [...this.unread(), ...strange],
      problems,
    };
  }

  /** A RepairDB sets its own MANIFESTs aside when it runs again: of those in lost/, the database's newest one leads to what it was. */
  private worthwhile(): ManifestWalk[] {
    const lost = this.walks.filter(({ entry: { place }, known }) => place === 'lost' && known.size > 0);
    const engines = lost.filter(({ replay }) => !isOfRepairDb(replay.version));
    const newest = (engines.length > 0 ? engines : lost).reduce<ManifestWalk | undefined>(
      (a, b) => (a !== undefined && a.entry.number! > b.entry.number! ? a : b),
      undefined,
    );
    if (newest === undefined || !isSound(newest.replay)) return this.walks;
    return this.walks.filter((walk) => walk.entry.place !== 'lost' || walk === newest);
  }

  private async fromManifest(walk: ManifestWalk): Promise<void> {
    const { entry, replay, whole, beforeDrops } = walk;
    const { current, manifest } = this.database;
    const named =
      current !== undefined && current.decoded.anomalies.length === 0 && manifest?.named === true
        ? manifest.entry
        : undefined;
    // after a lost edit it is a guess, which tables may better
    if (isSound(replay) || named === entry)
      this.addWithoutHole({ kind: 'manifest', manifest: entry }, replay, named === entry);
    for (const end of [...beforeDrops, ...whole].slice(-PER_MANIFEST)) {
      const before = await versionAt(walk, end, this);
      // its tables are deleted soon after it is dropped
      if (beforeDrops.includes(end) && !tablesOf(before.version).some((table) => isDropped(table, replay)))
        continue;
      const outlived = tablesOf(before.version).some(({ number }) => walk.outlived.has(number));
      this.add({ kind: 'edits', manifest: entry, end, outlived }, before, { strict: true });
    }
    await this.extended(walk);
  }

  /** With tables that are here and that no edit names. */
  private async extended(walk: ManifestWalk): Promise<void> {
    const { entry: manifest, replay, known } = walk;
    const foreign = this.foreignTo(walk);
    const unnamed = this.database.inventory.entries.some(
      ({ kind, number, place, size }) =>
        kind === 'table' &&
        number !== undefined &&
        place !== 'lost' &&
        size > 0 &&
        !known.has(number) &&
        !foreign.has(number),
    );
    const added = addedSince(replay.version, this.chain.wals);
    if (!unnamed && added.length === 0 && isSound(replay)) return;
    const evidence = await this.evidence();
    const rebuilt = await rebuildVersion(this.database, {
      ...evidence,
      replay,
      known,
      foreign,
      databaseIds: await this.databaseIds(walk),
    });
    if (typeof rebuilt === 'string') {
      this.problems.push(rebuilt);
      return;
    }
    const { version, taken, replaced, unaccounted } = rebuilt;
    if (taken.length === 0 && added.length === 0 && isSound(replay)) return;
    const ends = this.states.filter((state) => isEndOf(state, walk));
    const [own] = ends;
    const number = manifest.number ?? 0n;
    const news =
      own &&
      (await newsOf(this.database, own, { ...evidence, taken, added: added.length > 0, manifest: number }));
    this.addVersion(
      { kind: 'extended', manifest, tables: taken, replaced, unaccounted, ...(news && { news }) },
      version,
      { rebuilt, whole: true },
    );
    const extended = this.states.at(-1)!;
    // the edit that named them was lost
    if (news !== undefined)
      for (const state of ends) {
        state.whole = false;
        state.lacksEdits = true;
      }
    // so were those that deleted what it names
    for (const state of ends)
      if (!state.whole && state.missing.some((table) => evidence.history?.isObsolete(table.number)))
        state.lacksEdits = true;
    if (own === undefined || !isUnbroken(own) || news !== undefined) return;
    // what the MANIFEST leads to without them is no less
    if (own.lastSequence >= extended.lastSequence) this.states.pop();
  }

  /**
   * A MANIFEST that begins after all edits whose files are here, as after a roll-over: its column families, and the tables that
   * are here, from which the missing ones were made. What it deleted was live then, too.
   */
  private async beforeManifest(walk: ManifestWalk): Promise<void> {
    const { replay, whole } = walk;
    const gone = tablesOf(replay.version).filter((table) => this.files.table(table) === undefined);
    if (!isSound(replay) || whole.length > 0 || walk.entry.place === 'lost') return;
    // another table under a name is damage, and no sign of an older moment
    if (gone.every(({ number }) => isNumberTaken(this.database, number))) return;
    const version = copyOfVersion(replay.version);
    version.lastSequence = 0n;
    version.minLogNumberToKeep = 0n;
    for (const family of version.columnFamilies.values()) {
      family.logNumber = 0n;
      delete family.flushedSequence;
      for (const table of gone) family.tables.delete(table.number);
    }
    const rebuilt = await rebuildVersion(this.database, {
      ...(await this.evidence()),
      replay: { ...replay, version },
      isBefore: true,
      known: new Set(),
      foreign: this.foreignTo(walk),
      databaseIds: await this.databaseIds(walk),
    });
    if (typeof rebuilt === 'string') return;
    const { taken } = rebuilt;
    const unaccounted: LiveTable[] = [];
    this.addVersion({ kind: 'before', manifest: walk.entry, unaccounted }, rebuilt.version, {
      rebuilt,
      whole: true,
    });
    const { lastSequence } = this.states.at(-1)!;
    for (const table of gone) {
      if (this.isLater(table, replay.version, lastSequence)) continue;
      const { columnFamily, number } = table;
      if (taken.some((input) => input.columnFamily === columnFamily && input.number < number))
        unaccounted.push(table);
      else {
        this.states.pop();
        return;
      }
    }
  }

  /** All that a missing table holds is in WALs, or was written later than what they and a state reach. */
  private isLater(table: LiveTable, { columnFamilies }: Version, reach: bigint): boolean {
    const { columnFamily, smallestSequence: first, largestSequence: last } = table;
    if (first > reach || this.chain.holds(table, columnFamilies.get(columnFamily))) return true;
    return (last === 0n || last > reach) && this.chain.holdsFrom(columnFamily, first);
  }

  private async fromTables(): Promise<void> {
    if (await this.isOrderLost()) {
      this.problems.push(
        'no MANIFEST says in which order the keys stand, and not every table is in bytewise order: LevelDB would delete those that are left out',
      );
      return;
    }
    const rebuilt = await rebuildVersion(this.database, {
      ...(await this.evidence()),
      known: new Set(),
      foreign: new Set(),
      databaseIds: new Set(),
    });
    if (typeof rebuilt === 'string') this.problems.push(rebuilt);
    else {
      this.addVersion({ kind: 'tables' }, rebuilt.version, { rebuilt, whole: true });
    }
  }

  /** LevelDB's tables do not name their order: where they are not of the usual one, nothing tells whose it is. */
  private async isOrderLost(): Promise<boolean> {
    const { database } = this;
    if (database.dialect !== 'leveldb' || comparing(database).comparator !== undefined) return false;
    await this.tables();
    for (const entry of this.unread()) if (await isOtherwiseOrdered(entry, database)) return true;
    return false;
  }

  /** Tables that a MANIFEST of another history made: one that goes on from there, or from another point. */
  private foreignTo(walk: ManifestWalk): Set<bigint> {
    const foreign = new Set<bigint>();
    for (const other of this.walks) {
      // what was written after a RepairDB goes on from what it set aside
      if (other === walk || walk.entry.place === 'lost') continue;
      for (const number of other.known)
        if (!other.begunWith.has(number) && !walk.known.has(number)) foreign.add(number);
    }
    return foreign;
  }

  /**
   * Ids of the database whose tables a MANIFEST may take over, empty for any: its own, those of the tables that it names (a restored
   * backup keeps the id of its original there), the one in IDENTITY, and what is written to be ingested. Where no table has one
   * of these, nothing tells whose they are.
   */
  private async databaseIds({ replay, entry }: ManifestWalk): Promise<Set<string>> {
    const { version } = replay;
    const tables = await this.tables();
    const named = tables.filter(({ live }) =>
      version.columnFamilies.get(live.columnFamily)?.tables.has(live.number),
    );
    const others = entry.place === 'lost' ? this.walks.map(({ replay: r }) => r.version.databaseId) : [];
    const known = [version.databaseId, ...named.map(({ databaseId }) => databaseId), ...others];
    const ids = new Set(
      [...known, await identityOf(this.database.inventory)].filter((id) => id !== undefined),
    );
    if (!tables.some(({ databaseId }) => databaseId !== undefined && ids.has(databaseId))) return new Set();
    return ids.add(INGESTED);
  }

  private unread(): InventoryEntry[] {
    const { found } = this;
    if (found === undefined) return [];
    const read = new Set(found.map(({ entry }) => entry));
    return this.database.inventory.entries.filter(
      (entry) =>
        entry.kind === 'table' &&
        (entry.place === 'database' || entry.place === 'db-path') &&
        !read.has(entry),
    );
  }

  /** What versions are put together from. */
  private async evidence() {
    const found = await this.tables();
    if (this.database.dialect === 'rocksdb')
      this.history ??= await LoggedHistory.of(this.database.inventory, found);
    return { found, wals: this.chain.wals, history: this.history };
  }

  private async tables(): Promise<FoundTable[]> {
    this.found ??= await findTables(this.database, this.facts);
    return this.found;
  }

  /** A state; where WALs lie in lost/ or archive/, the one with them; and where WALs do not connect, the one that ends before. */
  private addWithoutHole(origin: StateOrigin, replay: ManifestReplay, current: boolean): void {
    this.add(origin, replay, { current });
    const added = this.states.at(-1);
    if (current && this.chain.wals.some(({ entry }) => !isOwn(entry))) this.add(origin, replay, {});
    if (added !== undefined && added.gaps.length > 0) this.add(origin, replay, { strict: true });
  }

  private add(
    origin: StateOrigin,
    replay: ManifestReplay,
    rules: { current?: boolean; strict?: boolean },
  ): void {
    this.addVersion(origin, copyOfVersion(replay.version), { ...rules, whole: isSound(replay) });
  }

  private addVersion(
    origin: StateOrigin,
    version: Version,
    {
      current = false,
      strict = false,
      whole,
      rebuilt,
    }: {
      current?: boolean;
      strict?: boolean;
      whole: boolean;
      rebuilt?: RebuiltVersion;
    },
  ): void {
    const { allow2pc } = this.database.options;
    const rules = { strict, ownWals: current, allow2pc, held: rebuilt?.heldByLog ?? [] };
    const joined = join(version, this.chain, this.files, rules);
    const families = entriesOf(joined, this.files);
    const { missing, missingBlobs, lostWals, wals, strange, unheld } = joined;
    if (origin.kind === 'edits' && this.lacksItsLog(joined)) return;
    // one that ends before the hole needs no WAL after it
    const ignored = addedSince(
      version,
      wals.map(({ wal }) => wal),
    );
    const needed =
      strange.length > 0 ? lostWals.filter((n) => wals.some(({ number }) => number > n)) : lostWals;
    // beside tables that it deleted, an engine leaves what CURRENT leads to as it is
    const unlinked = unlinkedIn(joined, this.files);
    const leftOut = current ? [] : leftOutOf(joined, this.walks);
    this.states.push({
      ...joined,
      origin,
      current,
      whole,
      // the edits that named these blob files were lost
      ...(origin.kind === 'manifest' && !whole && unlinked.length > 0 && { lacksEdits: true as const }),
      // of the whole MANIFEST it is for the engine to say
      complete:
        [...missing, ...missingBlobs, ...unlinked, ...needed, ...ignored, ...leftOut].length === 0 &&
        (!strict || (unheld.length === 0 && strange.every(({ first }) => first! > joined.lastSequence))),
      families,
      ignored,
      leftOut,
      entries: families.reduce((sum, { entries }) => sum + entries, 0),
      doubtful: doubtfulIn(joined, this.files),
      moved: movedOf(joined, this.files),
      left: rebuilt?.left ?? [],
      unproven: rebuilt?.unproven ?? nothingUnproven(),
      goneByLog: rebuilt?.goneByLog ?? [],
      remarks: rebuilt?.remarks ?? [],
    });
  }

  /** LevelDB begins a WAL before an edit names it, and deletes it when its tables are named. */
  private lacksItsLog({ version: { columnFamilies }, wals }: Joined): boolean {
    const logNumber = columnFamilies.get(0)?.logNumber ?? 0n;
    if (this.database.dialect !== 'leveldb' || logNumber === 0n) return false;
    return !wals.some(({ number }) => number === logNumber);
  }

  /** Best first, each once. */
  private ordered(): State[] {
    const seen = new Map<string, State>();
    for (const state of this.states) {
      const signature = signatureOf(state);
      const other = seen.get(signature);
      const better = other === undefined || state.current || (!other.current && rank(state) < rank(other));
      if (better) seen.set(signature, state);
    }
    return orderStates([...seen.values()]);
  }
}

function isDropped({ columnFamily }: LiveTable, { version }: ManifestReplay): boolean {
  return version.droppedColumnFamilies.has(columnFamily);
}

function isEndOf({ origin }: State, { entry }: ManifestWalk): boolean {
  return origin.kind === 'manifest' && origin.manifest === entry;
}
