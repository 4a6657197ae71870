/**
 * What the text log of RocksDB tells of tables. A flush and a compaction are jobs with a number, under which LOG says what they read and wrote
 * (db/event_helpers.cc, db/compaction/compaction_job.cc, db/memtable_list.cc, db/external_sst_file_ingestion_job.cc):
 *
 *   … [default] [JOB 3] Compacting 2@0 + 1@5 files to L5, score 1.00
 *   … [default]: Compaction start summary: Base version 12 Base level 0, inputs: [151(3862B) 137(8173B)], [148(10KB)]
 *   … EVENT_LOG_v1 {"job": 3, "event": "compaction_started", "files_L0": [151, 137], "files_L5": [148], …}
 *   … EVENT_LOG_v1 {"cf_name": "default", "job": 3, "event": "table_file_creation", "file_number": 162, "file_size": 18781, …}
 *   … [default] [JOB 3] Generated table #162: 140 keys, 18781 bytes
 *   … [default] compacted to: … write-amplify(2.5) OK, records in: 225, …
 *   … EVENT_LOG_v1 {"job": 3, "event": "compaction_finished", "num_output_files": 1, …}
 *   … EVENT_LOG_v1 {"job": 3, "event": "table_file_deletion", "file_number": 151}
 *   … [default] New memtable created with log file: #163. Immutable memtables: 0.
 *   … [default] [JOB 4] Flushing memtable with next log file: 163
 *   … [default] Level-0 commit table #165: memtable #1 done
 *   … EVENT_LOG_v1 {"job": 1, "event": "recovery_finished"}
 *   … [AddFile] External SST file /in/a.sst was ingested in L0 with path /db/000010.sst (global_seqno=65)
 *
 * LOG has no checksums: a fact that two lines tell is taken, one of a single line is not, unless a file has it, too.
 */

/** A table as LOG says that it was written. */
export interface LoggedTable {
  number: bigint;
  size: bigint;
  family: string;
  /** Absent in what was written before 7.3. */
  sequences?: { from: bigint; to: bigint };
  entries?: number;
  /** What its properties say of who wrote it (from 6.14 on). */
  databaseId?: string;
  session?: string;
}

export interface LoggedCompaction {
  /** As the event has them. */
  inputs: readonly bigint[];
  outputs: readonly LoggedTable[];
}

/** What one session of the engine told. */
export interface LoggedSession {
  session?: string;
  /** Every table that was written, by its number. */
  tables: ReadonlyMap<bigint, LoggedTable>;
  /** Of those, what flushes gave to the database, with the number of the log after those that they were written from, where it is told. */
  flushed: ReadonlyMap<bigint, bigint | undefined>;
  /** Those that were installed, and of which two lines tell every input. */
  compactions: readonly LoggedCompaction[];
  deleted: ReadonlySet<bigint>;
  /** Sequences of ingested tables. */
  ingested: ReadonlyMap<bigint, bigint>;
  /** Logs that were begun as a memtable was closed. */
  logs: ReadonlySet<bigint>;
}

interface Job {
  family?: string;
  /** Numbers of inputs by level. */
  event?: ReadonlyMap<number, readonly bigint[]>;
  /** Counts of inputs by level. */
  counts?: ReadonlyMap<number, number>;
  summary?: ReadonlySet<bigint>;
  outputs: LoggedTable[];
  /** Numbers of outputs, as text has them. */
  generated: Set<bigint>;
  nextLog?: bigint;
  /** The number of outputs that were installed. */
  finished?: number;
  /** It was the recovery of an open, which writes what logs hold into tables. */
  isRecovery?: boolean;
}

const eventLine = /EVENT_LOG_v1 (\{.*\})/;
const compactingLine = /\.cc:\d+\] \[(.*)\] \[JOB (\d+)\] Compacting (\d+@\d+(?: \+ \d+@\d+)*) files to L\d+/;
const summaryLine = /\.cc:\d+\] \[(.*)\]:? Compaction start summary: .*?inputs: (.*)/;
const generatedLine = /\[JOB (\d+)\] Generated table #(\d+): /;
const nextLogLine = /\[JOB (\d+)\] Flushing memtable (?:id \d+ )?with next log file: (\d+)/;
const installedLine = /\.cc:\d+\] \[(.*)\] compacted to: .* write-amplify\([^)]*\) (.*?), records in/;
const commitLine =
  /Level-0 commit (?:flush result of )?table #(\d+)(?: \(\+\d+ blob files\))?: memtable #\d+ done/;
const logLine = /New memtable created with log file: #(\d+)\./;
const ingestedLine = /was ingested in L\d+ with path .*?(\d+)\.sst \(global_seqno=(\d+)\)/;
const sessionLine = /DB Session ID: *([0-9A-Z]{20})\b/;

const TELLING = [
  'EVENT_LOG_v1',
  'ompact',
  'Level-0',
  'was ingested in',
  '] Generated table',
  'with next log file',
  'New memtable',
];

/** Takes the lines of a session in their order, from its first LOG to its last; what it cannot read it passes over. */
export class InfoLogEvents {
  private readonly jobs = new Map<number, Job>();
  private readonly tables = new Map<bigint, LoggedTable>();
  private readonly committed = new Set<bigint>();
  private readonly deleted = new Set<bigint>();
  private readonly ingested = new Map<bigint, bigint>();
  private readonly logs = new Set<bigint>();
  /** Files of ingestions that were finished, as the event names them. */
  private readonly ingestedFiles = new Set<bigint>();
  /** By column family, the job whose inputs the next summary lists. */
  private readonly begun = new Map<string, Job>();
  /** Column families of which the last compaction was installed, and no event has told of it. */
  private readonly toFinish = new Set<string>();
  /** Lines of two sessions, whose jobs have the same numbers. */
  private isMixed = false;
  /** Its id, once a line has told it. */
  session: string | undefined;

  /** Takes the id of the session from a line that has it. */
  identify(text: string): void {
    const id = sessionLine.exec(text)?.[1];
    if (id !== undefined && this.session !== undefined && id !== this.session) this.isMixed = true;
    this.session ??= id;
  }

  /** Whether a line may tell of a table. */
  static tells(text: string): boolean {
    return TELLING.some((words) => text.includes(words));
  }

  line(text: string): void {
    const event = eventLine.exec(text);
    if (event !== null) {
      const said = parsed(event[1]);
      if (said !== undefined) this.event(said);
      return;
    }
    const commit = commitLine.exec(text);
    if (commit !== null) this.committed.add(BigInt(commit[1]));
    const log = logLine.exec(text);
    if (log !== null) this.logs.add(BigInt(log[1]));
    const ingested = ingestedLine.exec(text);
    if (ingested !== null) this.ingested.set(BigInt(ingested[1]), BigInt(ingested[2]));
    const generated = generatedLine.exec(text);
    if (generated !== null) this.job(Number(generated[1])).generated.add(BigInt(generated[2]));
    const flush = nextLogLine.exec(text);
    if (flush !== null) {
      const job = this.job(Number(flush[1]));
      const next = BigInt(flush[2]);
      if (job.nextLog === undefined || next > job.nextLog) job.nextLog = next;
    }
    if (text.includes('ompact')) this.compaction(text);
  }

  private compaction(text: string): void {
    const compacting = compactingLine.exec(text);
    if (compacting !== null) {
      const [, family, number, counts] = compacting;
      const job = this.job(Number(number));
      job.family = family;
      job.counts = new Map(
        counts.split(' + ').map((each) => {
          const [count, level] = each.split('@').map(Number);
          return [level, count];
        }),
      );
      this.begun.set(family, job);
      return;
    }
    const summary = summaryLine.exec(text);
    if (summary !== null) {
      const job = this.begun.get(summary[1]);
      // a long one is cut in the middle of a number, which then has no size after it
      if (job !== undefined)
        job.summary = new Set([...summary[2].matchAll(/(\d+)\(/g)].map(([, number]) => BigInt(number)));
      this.begun.delete(summary[1]);
      return;
    }
    const installed = installedLine.exec(text);
    if (installed === null) return;
    if (installed[2] === 'OK') this.toFinish.add(installed[1]);
    else this.toFinish.delete(installed[1]);
  }

  private event(said: Record<string, unknown>): void {
    const { event } = said;
    const number = positive(said.file_number);
    if (event === 'table_file_deletion') {
      // absent before 10: then it succeeded
      const { status = 'OK' } = said;
      if (number !== undefined && status === 'OK') this.deleted.add(number);
      return;
    }
    if (event === 'ingest_finished' && Array.isArray(said.files_ingested)) {
      for (const file of said.files_ingested) {
        const name = typeof file === 'string' ? /(\d+)\.sst$/.exec(file) : null;
        if (name !== null) this.ingestedFiles.add(BigInt(name[1]));
      }
      return;
    }
    if (typeof said.job !== 'number') return;
    const job = this.job(said.job);
    if (event === 'recovery_finished') job.isRecovery = true;
    else if (event === 'compaction_started') job.event = inputsByLevel(said);
    else if (event === 'compaction_finished') {
      const isInstalled = job.family !== undefined && this.toFinish.delete(job.family);
      if (isInstalled && typeof said.num_output_files === 'number') job.finished = said.num_output_files;
    } else if (event === 'table_file_creation' && number !== undefined) {
      const table = tableOf(number, said);
      if (table === undefined) return;
      job.outputs.push(table);
      this.tables.set(number, table);
    }
  }

  private job(number: number): Job {
    const known = this.jobs.get(number);
    if (known !== undefined) return known;
    const job: Job = { outputs: [], generated: new Set() };
    this.jobs.set(number, job);
    return job;
  }

  end(): LoggedSession {
    if (this.isMixed) return new InfoLogEvents().end();
    const compactions = [...this.jobs.values()].flatMap((job) => this.compactionOf(job) ?? []);
    return {
      ...(this.session !== undefined && { session: this.session }),
      tables: this.tables,
      flushed: new Map([...this.jobs.values()].flatMap((job) => this.flushedBy(job))),
      compactions,
      deleted: this.deleted,
      logs: this.logs,
      ingested: new Map([...this.ingested].filter(([number]) => this.ingestedFiles.has(number))),
    };
  }

  private flushedBy({ outputs, nextLog, isRecovery }: Job): [number: bigint, nextLog: bigint | undefined][] {
    const committed = outputs.filter(({ number }) => isRecovery || this.committed.has(number));
    return committed.map(({ number }) => [number, nextLog]);
  }

  private compactionOf({
    event,
    counts,
    summary,
    outputs,
    generated,
    finished,
    family,
  }: Job): LoggedCompaction | undefined {
    if (event === undefined || counts === undefined || finished !== outputs.length) return undefined;
    const agree =
      event.size === counts.size && [...event].every(([level, of]) => counts.get(level) === of.length);
    const inputs = [...event.values()].flat();
    const areTold = inputs.every((number) => summary?.has(number) || this.deleted.has(number));
    const isLater = outputs.every(({ number }) => inputs.every((input) => input < number));
    if (outputs.some(({ number }) => !generated.has(number))) return undefined;
    if (!agree || !areTold || !isLater || outputs.some((table) => table.family !== family)) return undefined;
    return { inputs, outputs };
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function positive(value: unknown): bigint | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? BigInt(value) : undefined;
}

function inputsByLevel(said: Record<string, unknown>): Map<number, bigint[]> | undefined {
  const levels = new Map<number, bigint[]>();
  for (const [name, files] of Object.entries(said)) {
    const level = /^files_L(\d+)$/.exec(name);
    if (level === null) continue;
    const numbers = Array.isArray(files) ? files.map(positive) : [undefined];
    if (numbers.includes(undefined)) return undefined;
    // universal compaction lists every level
    if (numbers.length === 0) continue;
    levels.set(Number(level[1]), numbers as bigint[]);
  }
  return levels;
}

function tableOf(number: bigint, said: Record<string, unknown>): LoggedTable | undefined {
  const size = positive(said.file_size);
  if (size === undefined || typeof said.cf_name !== 'string') return undefined;
  const [from, to] = [said.smallest_seqno, said.largest_seqno];
  const properties = (said.table_properties ?? {}) as Record<string, unknown>;
  const { db_id: databaseId, db_session_id: session, num_entries: entries } = properties;
  const hasSequences = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  return {
    number,
    size,
    family: said.cf_name,
    ...(hasSequences && { sequences: { from: BigInt(from as number), to: BigInt(to as number) } }),
    ...(typeof entries === 'number' && { entries }),
    ...(typeof databaseId === 'string' && { databaseId }),
    ...(typeof session === 'string' && { session }),
  };
}
