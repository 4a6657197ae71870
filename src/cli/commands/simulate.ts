import type { Command } from 'commander';
import { pathArgument } from '../../io/arguments.js';
import { throughText } from '../../io/odd-name.js';
import { Refusal } from '../../repair/refusal.js';
import type { SimulateOptions } from '../../repair/simulate-target.js';
import type { Report } from '../../report/report.js';
import { buildReport } from '../../report/summary.js';
import { ExitStatus, exitStatusOf } from '../exit-status.js';
import type { Host } from '../host.js';
import { writeReport } from '../output-options.js';
import { refusalOf } from '../refusal.js';
import { withSeekable } from '../seekable-input.js';
import {
  placesOf,
  type TargetFlags,
  withFromOption,
  withStateOption,
  withTargetOptions,
} from '../target-options.js';
import { refuseTarget } from '../unopened.js';
import { whileWatched } from '../watched.js';

interface SimulateFlags extends TargetFlags {
  digest?: true;
  application?: true;
  state?: number;
  from?: string[];
}

const examples = `
Examples:
  kvdoctor simulate /var/lib/app/db             what each recovery mode would open, keep and lose
  kvdoctor simulate --engine-version 7.8 db     as that release of RocksDB would
  kvdoctor simulate --digest db                 entries and a hash of every column family: equal for equal copies
  kvdoctor simulate --state 2 db                another state that the files can give
  kvdoctor simulate --from /mnt/checkpoint db   also what a second source gives back, and what the modes do then
  kvdoctor simulate --application db            whether what each mode leaves is coherent to Kvrocks, TiKV, Restate

Of LevelDB it shows both ways to open: default, as most programs do, and paranoid (paranoid_checks and verify_checksums: Bitcoin
Core, Chromium's IndexedDB). An open deletes files: what it would delete is said first, with what
RepairDB would lose, change and bring back (of up to 64 MiB of files, or with --digest).

Reads all tables and blob files: an open looks at their metadata only, and a reader would meet the rest.

Exit status: 0 the database's own mode opens it, loses nothing that was acknowledged, and all of it can be read (with
--application: and is coherent), 1 it does not, 2 usage, 3 not everything could be looked at, 130 interrupted.`;

/** `file`: where the path lies. */
async function simulate(path: string, file: string, flags: SimulateFlags, host: Host): Promise<Report> {
  const { simulateTarget } = await import('../../repair/simulate-target.js');
  const options: SimulateOptions = {
    ...placesOf(flags),
    ...(flags.digest && { digest: true }),
    ...(flags.application && { application: true }),
    ...(flags.state !== undefined && { state: flags.state }),
  };
  const startedAt = new Date();
  const started = performance.now();
  return whileWatched(host, flags.progress && !flags.quiet, async ({ bar, signal }) => {
    const hooks = { onProgress: (share: number) => bar.update({ share, done: 0 }), signal };
    const { from } = flags;
    const target = await throughText(await pathArgument(file), async (directory) => {
      const simulated = await simulateTarget(directory, options, hooks);
      if (from === undefined || signal.aborted) return simulated;
      const { withOffer } = await import('../../repair/offer.js');
      return withOffer(simulated, directory, { ...placesOf(flags), from });
    }).catch((error) => {
      if (error instanceof Refusal) throw refusalOf(error, 'simulate', path);
      return refuseTarget('simulate', path, error, true);
    });
    return buildReport([{ ...target, path: path === file ? target.path : path }], {
      depth: 'structure',
      startedAt,
      milliseconds: performance.now() - started,
      interrupted: signal.aborted,
    });
  });
}

/** 0 only when the database's own mode costs nothing: see `RecoveryReport.harmless`. */
function statusOf(report: Report): number {
  const status = exitStatusOf(report, 'error');
  return status !== ExitStatus.interrupted && report.verdict === 'damaged' ? ExitStatus.findings : status;
}

/** Adds `kvdoctor simulate` to the program. `done` gets the exit status. */
export function addSimulate(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('simulate')
    .description(
      'what each recovery mode of RocksDB or LevelDB would open, recover and lose, without touching anything',
    )
    .argument(
      '[dir]',
      'database directory, an archive of one, or s3://BUCKET/PREFIX; -: an archive on standard input',
      '.',
    )
    .option('--digest', 'count and hash what every mode would show (reads all tables)')
    .option('--application', "hold what every mode would show against the application's own rules")
    .addHelpText('after', examples);
  withFromOption(command, 'state');
  withTargetOptions(withStateOption(command)).action(async (path: string, flags: SimulateFlags) =>
    done(
      await writeReport(
        flags,
        host,
        [path],
        () => withSeekable(path, host, (file) => simulate(path, file, flags, host), flags),
        statusOf,
      ),
    ),
  );
}
