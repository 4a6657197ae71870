import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Database } from '../../engine/database.js';
import { parseVersion } from '../../engine/version.js';
import type { ExportSink } from '../../export/entries.js';
import { counted } from '../../finding/quantity.js';
import { scanOf } from '../../finding/shell-word.js';
import type { DirectorySink } from '../../io/directory-sink.js';
import { fileSize } from '../../io/file-size.js';
import { Interrupted } from '../../io/interruption.js';
import { createFile, type FileSink } from '../../io/sink.js';
import { systemCode } from '../../io/target-error.js';
import type { Problem } from '../../lsm/cursor.js';
import type { ExportedTarget } from '../../repair/export-target.js';
import { printable } from '../../report/printable.js';
import { evidenceText } from '../../report/text/evidence.js';
import { groupedBy } from '../../report/text/group.js';
import { positive, several, version } from '../choices.js';
import { ExitStatus } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { refuseOutputIn } from '../output-options.js';
import { refusalOf } from '../refusal.js';
import { say } from '../say.js';
import { withSeekable } from '../seekable-input.js';
import { streamSink } from '../sink.js';
import { stateLines } from '../state-lines.js';
import { type StoreFlags, storeOf, withStoreOptions } from '../store-options.js';
import { withStateOption } from '../target-options.js';
import { whileWatched } from '../watched.js';

interface ExportFlags extends StoreFlags {
  output?: string;
  lenient?: true;
  state?: number;
  backup?: number;
  cf?: string[];
  dbPath?: string[];
  walDir?: string;
  engineVersion?: string;
  forEngine?: string;
  progress: boolean;
}

const examples = `
Examples:
  kvdoctor export db > all.ndjson                      every visible entry, a line each
  kvdoctor export --lenient --output new.db db         a new database directory with all that can still be read
  kvdoctor export --backup 2 --output new.db backups   the database that backup 2 holds, its files as they are
  kvdoctor export --output log.ndjson raft-engine      a raft log of raft-engine: entries by region and index, in words
  kvdoctor export --cf meta --output meta.ndjson db    one column family, into a file

Exit status: 0 everything was exported, 1 something was left out, 2 usage, 3 a directory that the database names is not
here (--wal-dir, --db-path), or versions could not be merged (a comparator of the application's own).`;

/** Where an export goes, and how it is brought to its end. */
interface Destination {
  sink: ExportSink;
  commit(): Promise<void>;
  abandon(): Promise<void>;
  /** Entries of which the new database does not hold everything. */
  narrowed?(): number;
}

/** Where lines go: to the standard output, or to a file. `undefined`: a database directory is to be made. */
async function linesOf({ output }: ExportFlags, host: Host): Promise<FileSink | undefined> {
  if (output === undefined || output === '-') {
    const stream = streamSink(host.stdout);
    const write = async (text: string) => {
      await stream.write(text);
      await setImmediate();
    };
    return { write, commit: () => stream.close(), abandon: async () => stream.abandon() };
  }
  if (!output.endsWith('.ndjson')) return undefined;
  if ((await fileSize(output)) !== undefined) throw taken(output);
  return createFile(output);
}

async function destinationOf(flags: ExportFlags, host: Host): Promise<Destination> {
  const lines = await linesOf(flags, host);
  if (lines !== undefined) {
    const { NdjsonSink } = await import('../../export/ndjson.js');
    const sink = new NdjsonSink((text) => lines.write(text));
    return { sink, commit: () => lines.commit(), abandon: () => lines.abandon() };
  }
  const { forEngine } = flags;
  const output = flags.output!;
  const { DatabaseExport } = await import('../../export/database.js');
  const directory = await makeDirectory(output);
  const sink = new DatabaseExport(directory, forEngine === undefined ? undefined : parseVersion(forEngine));
  return {
    sink,
    async commit() {
      await sink.finish();
      await directory.commit();
    },
    abandon: () => directory.abandon(),
    narrowed: () => sink.narrowed,
  };
}

/** Whether a database directory is to be made. */
function isDirectory({ output, cf }: ExportFlags): boolean {
  return output !== undefined && output !== '-' && !output.endsWith('.ndjson') && cf === undefined;
}

/** The files of one backup as a database directory. */
async function restore(path: string, flags: ExportFlags, host: Host): Promise<number> {
  const { restoreBackup } = await import('../../repair/restore-backup.js');
  const output = flags.output!;
  const sink = await makeDirectory(output);
  try {
    const files = await whileWatched(host, flags.progress, async ({ bar, signal }) => {
      const restored = await restoreBackup(path, flags.backup!, sink, {
        onProgress({ done, total }) {
          if (signal.aborted) throw new Interrupted('interrupted before the backup was copied');
          bar.update({ share: total > 0 ? done / total : 0, done, total });
        },
      });
      await sink.commit();
      return restored;
    });
    say(host, `${output} holds backup ${flags.backup}: ${files} files, each as it was recorded`);
    say(
      host,
      'Move it to where the server keeps its data, give it the owner of the server,',
      'and start the server.',
    );
    onward(output, host);
    return ExitStatus.ok;
  } catch (error) {
    await sink.abandon();
    throw refusalOf(error, 'export', path);
  }
}

/** A directory that was made is looked at next. */
function onward(output: string, host: Host): void {
  say(host, `next  ${scanOf(output)}`);
}

async function makeDirectory(output: string): Promise<DirectorySink> {
  const { DirectorySink: Sink } = await import('../../io/directory-sink.js');
  return Sink.create(output).catch((error) => {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw taken(output, error.path);
  });
}

/** Two exports are never mixed, and none replaces another. */
function taken(output: string, at = output): Failure {
  return at === output
    ? new Failure(`${output} is there already`, ExitStatus.usage, 'Name one that does not exist.')
    : new Failure(
        `${at} is there already: another export to ${output} is at work, or one was killed`,
        ExitStatus.usage,
        `Where none is at work, remove ${at}.`,
      );
}

/** A raft log, as lines. */
async function exportLog(path: string, log: Database, flags: ExportFlags, host: Host): Promise<number> {
  const { exportRaftLog } = await import('../../repair/export-raft-log.js');
  const lines = await linesOf(flags, host);
  if (lines === undefined) {
    const message =
      'a raft log is exported as lines: into a file that ends in .ndjson, or to the standard output';
    throw new Failure(message, ExitStatus.usage);
  }
  try {
    const shown = flags.progress && (flags.output !== undefined || !host.stdout.isTTY);
    const exported = await whileWatched(host, shown, ({ bar, signal }) =>
      exportRaftLog(log, (text) => lines.write(text), {
        ...(flags.lenient && { lenient: true }),
        onProgress(share) {
          if (signal.aborted) throw new Interrupted('interrupted before the export was whole');
          bar.update({ share, done: 0 });
        },
      }),
    );
    await lines.commit();
    const { regions, entries, values, unreadable, refused } = exported;
    say(host, `${regions} regions: ${entries} entries, ${values} key values`);
    if (unreadable > 0) say(host, `${unreadable} entries cannot be read`);
    if (refused !== undefined) say(host, `raft-engine does not open it: ${refusedTexts[refused]}`);
    if (refused !== undefined && !flags.lenient) say(host, 'To go on past damage: --lenient');
    return unreadable > 0 || refused !== undefined ? ExitStatus.findings : ExitStatus.ok;
  } catch (error) {
    await lines.abandon();
    throw refusalOf(error, 'export', path);
  }
}

const refusedTexts = {
  damage: 'a file that is not the newest is damaged',
  hole: 'entries of a region do not follow one another',
} as const;

async function exportDirectory(path: string, flags: ExportFlags, host: Host): Promise<number> {
  const { exportTarget } = await import('../../repair/export-target.js');
  if (flags.output !== undefined && flags.output !== '-') await refuseOutputIn(flags.output, [path]);
  const { raftLogIn } = await import('../../repair/export-raft-log.js');
  const log = await raftLogIn(path);
  if (log !== undefined) return exportLog(path, log, flags, host);
  const { UnorderedFamily } = await import('../../export/entries.js');
  if (flags.backup !== undefined && !flags.lenient && isDirectory(flags)) return restore(path, flags, host);
  const destination = await destinationOf(flags, host);
  const shown = flags.progress && (flags.output !== undefined || !host.stdout.isTTY);
  let summary: ExportedTarget;
  try {
    summary = await whileWatched(host, shown, async ({ bar, signal }) => {
      const exported = await exportTarget(path, destination.sink, {
        ...(flags.lenient && { lenient: true }),
        ...(flags.state !== undefined && { state: flags.state }),
        ...(flags.backup !== undefined && { backup: flags.backup }),
        ...(flags.cf && { columnFamilies: flags.cf }),
        ...(flags.dbPath && { dbPaths: flags.dbPath }),
        ...(flags.walDir !== undefined && { walDir: flags.walDir }),
        ...(flags.engineVersion !== undefined && { engineVersion: flags.engineVersion }),
        ...storeOf(flags),
        onProgress({ done, total }) {
          if (signal.aborted) throw new Interrupted('interrupted before the export was whole');
          bar.update({ share: total > 0 ? done / total : 0, done, total });
        },
      });
      await destination.commit();
      return exported;
    });
  } catch (error) {
    await destination.abandon();
    if (error instanceof UnorderedFamily) {
      const hint = 'Write every version as it stands, unmerged, into a file: --output FILE.ndjson.';
      throw new Failure(printable(error.message), ExitStatus.incomplete, hint);
    }
    const told =
      error instanceof Interrupted ? new Interrupted('interrupted before the export was whole') : error;
    throw refusalOf(told, 'export', path);
  }
  const narrowed = destination.narrowed?.() ?? 0;
  const status = tell(summary, flags, host);
  if (destination.narrowed !== undefined) onward(flags.output!, host);
  if (narrowed === 0) return status;
  say(
    host,
    `${narrowed} wide-column entities have their default column only: ${flags.forEngine} knows no others`,
  );
  return ExitStatus.findings;
}

/** Says on stderr what was exported and what was not. */
function tell(summary: ExportedTarget, { lenient, cf, state }: ExportFlags, host: Host): number {
  const { columnFamilies, problems, notes, remarks, withoutWals, lostOfWals, absent, tablesAbsent, states } =
    summary;
  for (const { name, entries, complete, comparator } of columnFamilies) {
    const cut = complete ? '' : ', up to the first damage';
    const unmerged = `versions, not merged: ${comparator} is the application's own comparator`;
    say(host, `${name}: ${entries} ${comparator === undefined ? 'entries' : unmerged}${cut}`);
  }
  for (const name of cf ?? []) {
    if (!columnFamilies.some((family) => family.name === name)) say(host, `${name}: no such column family`);
  }
  if (lostOfWals !== undefined) {
    const { mode, records, operations, damagedBytes } = lostOfWals;
    const what = `${counted(records, 'record')} with ${counted(operations, 'operation')} and ${counted(damagedBytes, 'damaged byte')}`;
    say(host, `WALs are left out in part: recovery in ${mode} mode gives up ${what}`);
  }
  if (withoutWals !== undefined) say(host, `WALs are left out: ${withoutWals}`);
  say(host, ...problemLines(problems));
  say(host, ...notes, ...remarks);
  say(host, ...stateLines(states, state));
  for (const reason of absent) say(host, `not looked at: ${reason}`);
  const missed = (cf ?? []).some((name) => !columnFamilies.some((family) => family.name === name));
  const whole =
    problems.length === 0 &&
    notes.length === 0 &&
    withoutWals === undefined &&
    lostOfWals === undefined &&
    columnFamilies.length > 0;
  if (!whole && !lenient) say(host, 'To go on past damage: --lenient');
  if ((!whole && !tablesAbsent) || missed) return ExitStatus.findings;
  const unmerged = columnFamilies.some(({ comparator }) => comparator !== undefined);
  return absent.length > 0 || unmerged ? ExitStatus.incomplete : ExitStatus.ok;
}

/** Each thing that could not be read once, with the keys that it costs. */
function problemLines(problems: ExportedTarget['problems']): string[] {
  const line = ({ file, offset, message }: Problem) =>
    `${file}${offset === undefined ? '' : ` at ${offset}`}: ${message}`;
  return [...groupedBy(problems, line)].map(([text, of]) => {
    const keys = of.flatMap(({ evidence }) => evidence?.key ?? []);
    return keys.length === 0 ? text : `${text}, for ${counted(keys.length, 'key')}: ${evidenceText(keys)}`;
  });
}

/** Adds `kvdoctor export` to the program. `done` gets the exit status. */
export function addExport(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('export')
    .description('all that is still readable, as NDJSON or as a new database directory')
    .argument('[dir]', 'database directory', '.')
    .option(
      '--output <path>',
      'a file that ends in .ndjson, or a database directory to make (default: stdout)',
    )
    .option(
      '--backup <id>',
      'of a backup directory: this backup; into a directory its files as they are, each held against its checksum',
      positive,
    )
    .option('--lenient', 'go on past damage, over a repair that is put together in memory')
    .option('--cf <name>', 'only this column family; may be given several times', several)
    .option('--db-path <dir>', 'where db_paths of OPTIONS lies now; may be given several times', several)
    .option('--wal-dir <dir>', 'where wal_dir of OPTIONS lies now, or secondary_dir of Pebble')
    .option(
      '--engine-version <version>',
      'the engine whose behaviour counts (default: what OPTIONS or LOG states)',
      version,
    )
    .option(
      '--for-engine <version>',
      'the release that is to read the new database (default: any since 6.6)',
      version,
    )
    .option('--no-progress', 'no progress bar')
    .addHelpText('after', examples);
  withStoreOptions(withStateOption(command)).action(async (path: string, flags: ExportFlags) =>
    done(await withSeekable(path, host, (file) => exportDirectory(file, flags, host), flags)),
  );
}
