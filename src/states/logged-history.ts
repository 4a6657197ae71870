import { identityOf } from '../engine/identity.js';
import { loggedSessions } from '../engine/info-logs.js';
import type { LoggedCompaction, LoggedSession, LoggedTable } from '../format/info-log-events.js';
import type { Inventory } from '../io/inventory.js';
import type { FoundTable } from './tables.js';
import type { SequenceSpan } from './wals.js';

/*
 * What LOG tells of the tables that are here, and of those that are not: which ones went into which. It decides only between what files leave
 * open. LOG is buffered, so that what it does not say proves nothing, and a copy may have brought another one: it counts where it describes
 * a table that is here as that is, and none otherwise.
 */

/** A table that LOG tells of; of an ingested one it does not say the column family. */
export type GoneTable = Pick<LoggedTable, 'number' | 'sequences' | 'entries'> & { family?: string };

export class LoggedHistory {
  /** By input; absent for what several lives of a database, or none, tell of. */
  private readonly intoOf = new Map<bigint, LoggedCompaction>();
  private readonly fromOf = new Map<bigint, LoggedCompaction>();
  private readonly tables = new Map<bigint, LoggedTable>();
  private readonly flushed = new Map<bigint, bigint | undefined>();
  private readonly deleted = new Set<bigint>();
  private readonly logs = new Set<bigint>();
  private readonly ingested = new Map<bigint, bigint>();
  private readonly here: ReadonlySet<bigint>;

  private constructor(found: readonly FoundTable[], sessions: readonly LoggedSession[]) {
    this.here = new Set(found.map(({ live }) => live.number));
    for (const session of sessions) {
      for (const compaction of session.compactions) {
        for (const input of compaction.inputs) this.intoOf.set(input, compaction);
        for (const { number } of compaction.outputs) this.fromOf.set(number, compaction);
      }
      for (const [number, table] of session.tables) this.tables.set(number, table);
      for (const [number, nextLog] of session.flushed) this.flushed.set(number, nextLog);
      for (const number of session.logs) this.logs.add(number);
      for (const number of session.deleted) this.deleted.add(number);
      for (const [number, sequence] of session.ingested) this.ingested.set(number, sequence);
    }
  }

  /** Reads the newest logs of a directory in which these tables were found. */
  static async of(inventory: Inventory, found: readonly FoundTable[]): Promise<LoggedHistory> {
    return LoggedHistory.from(await loggedSessions(inventory), found, await identityOf(inventory));
  }

  /** What sessions tell, as far as they are of the life of these tables. */
  static from(
    sessions: readonly LoggedSession[],
    found: readonly FoundTable[],
    identity?: string,
  ): LoggedHistory {
    return new LoggedHistory(found, isOwnLife(sessions, found, identity) ? sessions : []);
  }

  /** Tables, here or not, all of which went into some that are here and that can be taken, over all compactions, as far as LOG tells. */
  supersededBy(isTaken: (number: bigint) => boolean): ReadonlySet<bigint> {
    const superseded = new Set<bigint>();
    // what a compaction writes has higher numbers than what it reads
    const inputs = [...this.intoOf.keys()].sort((a, b) => (a > b ? -1 : 1));
    const isHeld = (number: bigint) => (this.here.has(number) && isTaken(number)) || superseded.has(number);
    for (const input of inputs)
      if (this.intoOf.get(input)!.outputs.every(({ number }) => isHeld(number))) superseded.add(input);
    return superseded;
  }

  /** The first such tables on each way from one that is superseded. */
  successorsOf(number: bigint, isTaken: (number: bigint) => boolean): readonly bigint[] {
    const successors = new Set<bigint>();
    const seen = new Set<bigint>();
    const open = [number];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const output of this.intoOf.get(at)?.outputs ?? []) {
        if (seen.has(output.number)) continue;
        seen.add(output.number);
        if (this.here.has(output.number) && isTaken(output.number)) successors.add(output.number);
        else open.push(output.number);
      }
    }
    return [...successors];
  }

  /** Sequences of the flushes of a column family whose tables hold. */
  sequencesIn(family: string, holds: (number: bigint) => boolean): SequenceSpan[] {
    return [...this.flushed.keys()].flatMap((number) => {
      const { family: own, sequences } = this.tables.get(number)!;
      return own === family && sequences !== undefined && holds(number) ? sequences : [];
    });
  }

  /** Tables with a number above `floor` that went into a table, itself included; absent where not all are told. */
  private ancestorsOf(number: bigint, floor: bigint): ReadonlySet<bigint> | undefined {
    const ancestors = new Set<bigint>();
    const open = [number];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at <= floor || ancestors.has(at)) continue;
      ancestors.add(at);
      if (this.flushed.has(at) || this.ingested.has(at)) continue;
      const from = this.fromOf.get(at);
      if (from === undefined) return undefined;
      open.push(...from.inputs);
    }
    return ancestors;
  }

  /** Everything that went into a younger table is told, and this one is not among it. */
  isApart(younger: bigint, number: bigint): boolean {
    return this.ancestorsOf(younger, number - 1n)?.has(number) === false;
  }

  /** Everything that went into a table is told, and was flushed before this log was begun, which starts at a sequence. */
  isApartFromLog(younger: bigint, log: bigint, first: bigint): boolean {
    const ancestors = this.ancestorsOf(younger, log);
    if (ancestors === undefined) return false;
    return [...ancestors].every((number) => {
      if (!this.flushed.has(number)) return true;
      const end = this.tables.get(number)!.sequences?.to;
      const nextLog = this.flushed.get(number);
      return end !== undefined && nextLog !== undefined && end < first && nextLog <= log;
    });
  }

  /** The table that took what a log had for a column family, up to this sequence of it. */
  flushOf(family: string, log: bigint, last: bigint): LoggedTable | undefined {
    for (const [number, nextLog] of this.flushed) {
      const table = this.tables.get(number)!;
      const { sequences } = table;
      if (table.family !== family || sequences === undefined || nextLog === undefined) continue;
      if (sequences.from <= last && sequences.to >= last && log < nextLog) return table;
    }
    return undefined;
  }

  /** A compaction took it, or it was deleted. */
  isObsolete(number: bigint): boolean {
    return this.intoOf.has(number) || this.deleted.has(number);
  }

  /** The sequence that an ingested table got. */
  sequenceOf(number: bigint): bigint | undefined {
    return this.ingested.get(number);
  }

  /** Tables that were given to the database and that went into none, as far as is told, and whose name no file has. */
  gone(isThere: (number: bigint) => boolean): GoneTable[] {
    const ingested = [...this.ingested].map(([number, sequence]) => ({
      ...{ number, sequences: { from: sequence, to: sequence } },
    }));
    const written = [...this.tables.values()].filter(({ number }) => this.isGiven(number));
    return [...written, ...ingested].filter(
      ({ number }) => !this.deleted.has(number) && !this.intoOf.has(number) && !isThere(number),
    );
  }

  /** Sequences of what was flushed or ingested and went into a table, as far as is told. */
  sequencesOf(number: bigint): SequenceSpan[] {
    const seen = new Set<bigint>();
    const spans: SequenceSpan[] = [];
    const open = [number];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const sequence = this.ingested.get(at);
      if (sequence !== undefined) spans.push({ from: sequence, to: sequence });
      const flushed = this.flushed.has(at) ? this.tables.get(at)!.sequences : undefined;
      if (flushed !== undefined) spans.push(flushed);
      open.push(...(this.fromOf.get(at)?.inputs ?? []));
    }
    return spans;
  }

  /** Logs with a number between two others. */
  logsBetween(before: bigint, after: bigint): bigint[] {
    return [...this.logs].filter((number) => number > before && number < after);
  }

  /** It was given to the database, which writes that into the MANIFEST first. */
  isGiven(number: bigint): boolean {
    return this.flushed.has(number) || this.fromOf.has(number) || this.ingested.has(number);
  }
}

/**
 * A table is here as LOG describes it, or IDENTITY is that of its tables where none of them is; none is otherwise, and no number was given out
 * twice.
 */
function isOwnLife(
  sessions: readonly LoggedSession[],
  found: readonly FoundTable[],
  identity: string | undefined,
): boolean {
  const tables = new Map<bigint, LoggedTable>();
  for (const session of sessions) {
    for (const [number, table] of session.tables) {
      if (tables.has(number)) return false;
      tables.set(number, table);
    }
  }
  const ids = new Set([...tables.values()].flatMap(({ databaseId }) => databaseId ?? []));
  const described = found.flatMap((table) => {
    const logged = tables.get(table.live.number);
    return logged === undefined ? [] : [{ table, logged }];
  });
  const isKnown = described.length > 0 || (identity !== undefined && ids.has(identity));
  return ids.size <= 1 && isKnown && described.every(({ table, logged }) => isIt(table, logged));
}

function isIt(
  { live, columnFamilyName, session, databaseId, entries }: FoundTable,
  logged: LoggedTable,
): boolean {
  const agree = <T>(a: T | undefined, b: T | undefined) => a === undefined || b === undefined || a === b;
  const isSame =
    live.size === logged.size && agree(logged.family, columnFamilyName) && agree(logged.entries, entries);
  if (!isSame || !agree(logged.databaseId, databaseId)) return false;
  if (logged.session !== undefined || session !== undefined) return logged.session === session;
  const { sequences } = logged;
  return sequences?.from === live.smallestSequence && sequences.to === live.largestSequence;
}
