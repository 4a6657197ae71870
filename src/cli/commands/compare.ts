import type { Command } from 'commander';
import { StoreError } from '../../io/objects/store-error.js';
import { TargetError } from '../../io/target-error.js';
import { choice, several } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { stdoutWidth } from '../outputs.js';
import { STANDARD_INPUT, withSeekable } from '../seekable-input.js';
import { streamSink } from '../sink.js';
import { type StoreFlags, withStoreOptions } from '../store-options.js';
import { placesOf } from '../target-options.js';

interface CompareFlags extends StoreFlags {
  format: 'text' | 'json';
  color: ColorChoice;
  verbose?: true;
  walDirA?: string;
  walDirB?: string;
  dbPathA?: string[];
  dbPathB?: string[];
}

const examples = `
Examples:
  kvdoctor compare master/db replica/db   where their histories part, and which keys differ
  kvdoctor compare backup/db db           what has changed since

No engine is started and nothing is written. Differences of Kvrocks databases are shown as Redis commands.
Exit status: 0 no difference, 1 they differ, 2 usage, 3 not everything could be compared.`;

async function compare(a: string, b: string, flags: CompareFlags, host: Host): Promise<number> {
  const { areDifferent, compareDatabases } = await import('../../compare/compare.js');
  const { comparisonText } = await import('../../compare/text.js');
  const { comparisonJson } = await import('../../compare/json.js');
  const comparison = await compareDatabases(a, b, {
    a: placesOf({ ...flags, walDir: flags.walDirA, dbPath: flags.dbPathA }),
    b: placesOf({ ...flags, walDir: flags.walDirB, dbPath: flags.dbPathB }),
  }).catch((error) => {
    if (!(error instanceof TargetError)) throw error;
    const status =
      error.kind === 'no-permission' || error.kind === 'unreadable'
        ? ExitStatus.incomplete
        : ExitStatus.usage;
    // one of the system's names the path itself
    const message = error instanceof StoreError ? `${error.path}: ${error.message}` : error.message;
    throw new Failure(message, status, 'Name two database directories: kvdoctor compare A B.');
  });
  const settings = {
    width: stdoutWidth(host),
    palette: paletteFor(wantsColour(flags.color, host.env, host.stdout)),
    verbose: flags.verbose ?? false,
    quiet: false,
  };
  const sink = streamSink(host.stdout);
  await sink.write(
    flags.format === 'json' ? comparisonJson(comparison) : comparisonText(comparison, settings),
  );
  await sink.close();
  if (areDifferent(comparison)) return ExitStatus.findings;
  return comparison.unread.length > 0 ? ExitStatus.incomplete : ExitStatus.ok;
}

/** Adds `kvdoctor compare` to the program. `done` gets the exit status. */
export function addCompare(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('compare')
    .description('where two copies of one database differ: their WALs by sequence, and what readers see')
    .argument('<a>', 'a database directory, the one that is right: a master')
    .argument('<b>', 'another: its replica, a copy')
    .option('--wal-dir-a <dir>', 'where wal_dir of A lies now')
    .option('--wal-dir-b <dir>', 'where wal_dir of B lies now')
    .option('--db-path-a <dir>', 'where db_paths of A lie now; may be given several times, in order', several)
    .option(
      '--db-path-b <dir>',
      'where db_paths of B lie now; may be given several times, in order',
      several,
    );
  withStoreOptions(command)
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .option('-v, --verbose', 'show every difference that is kept; stack traces on failures')
    .addHelpText('after', examples)
    .action(async (a: string, b: string, flags: CompareFlags) => {
      // standard input can be one of them
      if (a === b && a === STANDARD_INPUT) throw new Failure('standard input can be read once: give - once');
      done(
        await withSeekable(
          a,
          host,
          (one) => withSeekable(b, host, (other) => compare(one, other, flags, host), flags),
          flags,
        ),
      );
    });
}
