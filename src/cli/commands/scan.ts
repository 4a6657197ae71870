import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Depth } from '../../check/unit.js';
import { pathArgument } from '../../io/arguments.js';
import { TargetError } from '../../io/target-error.js';
import type { Report, TargetReport } from '../../report/report.js';
import { plainPalette } from '../../report/reporter.js';
import { buildReport } from '../../report/summary.js';
import { verdictText } from '../../report/text/verdict.js';
import type { ScanOptions } from '../../scan/scan.js';
import { choice, positive } from '../choices.js';
import { ExitStatus, exitStatusOf, type FailOn } from '../exit-status.js';
import { Failure, systemCode, systemText } from '../failure.js';
import type { Host } from '../host.js';
import { watchInterrupt } from '../interrupt.js';
import { openOutputs } from '../outputs.js';
import { type ProgressBar, progressBar } from '../progress-bar.js';
import { placesOf, type TargetFlags, withTargetOptions } from '../target-options.js';

/** What commander makes of the command line. */
interface ScanFlags extends TargetFlags {
  depth: Depth;
  jobs: number;
  failOn: FailOn;
  kind?: ScanOptions['kind'];
}

const examples = `
Examples:
  kvdoctor scan /var/lib/app/db                    check everything, every entry of every block
  kvdoctor scan --depth checksums db               checksums only: faster, finds what a disk does
  kvdoctor scan --format json=report.json db       the whole report as JSON, for other programs
  kvdoctor scan --kind backup --fail-on warning .  in CI: exit status 1 on anything suspicious
  kvdoctor scan db/000021.log                      a single file

Exit status: 0 nothing found, 1 findings, 2 usage, 3 not everything could be checked, 130 interrupted.`;

/** A target that cannot be opened at all stands in the report too, so that the others are still reported. */
function unopened(path: string, reason: string): TargetReport {
  return {
    path,
    kind: 'database',
    engine: { name: 'unknown' },
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [],
    findings: [],
    unchecked: [{ file: '.', reason }],
    bytesRead: 0,
  };
}

const notThere = new Set(['ENOENT', 'ENOTDIR']);

/**
 * What becomes of a target that cannot be opened: a name that is not there is a mistake on the command line, unless it is one
 * of several; what may not be read is an incomplete check. Anything but the system's errors is a fault of our own.
 */
function refuse(path: string, error: unknown, alone: boolean): TargetReport {
  const code = systemCode(error);
  const at = error instanceof TargetError ? error.path : path;
  if (code === undefined && !(error instanceof TargetError)) throw error;
  if (alone && code !== undefined && notThere.has(code)) {
    throw new Failure(
      `${at}: ${systemText(error)}`,
      undefined,
      'Name the database directory: kvdoctor scan DIR.',
    );
  }
  return unopened(path, at === path ? systemText(error) : `${at}: ${systemText(error)}`);
}

async function scanAll(
  paths: readonly string[],
  options: ScanOptions,
  work: ScanWork,
): Promise<TargetReport[]> {
  // loaded here, so that commands that read no database start at once
  const { scanTarget } = await import('../../scan/scan.js');
  const targets: TargetReport[] = [];
  let readBefore = 0;
  for (const [i, path] of paths.entries()) {
    if (work.signal.aborted) break;
    const alone = paths.length === 1;
    const hooks = {
      onProgress({ done, total }: { done: number; total: number }) {
        const share = (i + (total > 0 ? done / total : 0)) / paths.length;
        // how large the targets are that come later nobody knows yet
        work.bar.update({ share, done: readBefore + done, ...(alone && { total }) });
      },
      signal: work.signal,
    };
    const argument = await pathArgument(path);
    const target = await scanTarget(argument, options, hooks).catch((error) => refuse(path, error, alone));
    readBefore += target.bytesRead;
    targets.push(target);
  }
  return targets;
}

interface ScanWork {
  bar: ProgressBar;
  signal: AbortSignal;
}

function scanOptionsOf(flags: ScanFlags): ScanOptions {
  return {
    depth: flags.depth,
    jobs: flags.jobs,
    ...(flags.kind && { kind: flags.kind }),
    ...placesOf(flags),
  };
}

/** Scans while a bar shows how far it is; Ctrl-C ends it with what is known. */
async function scanWatched(paths: readonly string[], flags: ScanFlags, host: Host): Promise<Report> {
  const interrupt = watchInterrupt(host);
  const shown = flags.progress && !flags.quiet;
  const bar = shown ? progressBar(host.stderr, host.env) : { update() {}, end() {} };
  interrupt.signal.addEventListener('abort', () => bar.end());
  const startedAt = new Date();
  const started = performance.now();
  try {
    const targets = await scanAll(paths, scanOptionsOf(flags), { bar, signal: interrupt.signal });
    return buildReport(targets, {
      depth: flags.depth,
      startedAt,
      milliseconds: performance.now() - started,
      interrupted: interrupt.signal.aborted,
    });
  } finally {
    bar.end();
    interrupt.release();
  }
}

async function scan(paths: readonly string[], flags: ScanFlags, host: Host): Promise<number> {
  const { color, redact, quiet = false, verbose = false } = flags;
  const outputs = await openOutputs(
    flags.format ?? [],
    { color, ...(redact && { redact }), quiet, verbose },
    host,
  );
  try {
    const report = await scanWatched(paths.length > 0 ? paths : ['.'], flags, host);
    const failures = await outputs.write(report);
    if (!outputs.onStdout && !quiet) {
      host.stderr.write(verdictText(report, { width: 100, palette: plainPalette, verbose, quiet }));
    }
    for (const { message } of failures) host.stderr.write(`kvdoctor: ${message}\n`);
    const status = exitStatusOf(report, flags.failOn);
    return status === ExitStatus.ok && failures.length > 0 ? ExitStatus.incomplete : status;
  } catch (error) {
    await outputs.abandon();
    throw error;
  }
}

/** Adds `kvdoctor scan` to the program. `done` gets the exit status. */
export function addScan(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('scan')
    .description('check every file of databases, backups and checkpoints, without opening them')
    .argument('[dir...]', 'database directories or single files (default: the current directory)')
    .addOption(
      choice('--depth <depth>', 'how much to check', ['structure', 'checksums', 'full']).default('full'),
    )
    .option('--jobs <n>', 'worker threads', positive, availableParallelism())
    .addOption(
      choice('--fail-on <severity>', 'exit status 1 from here on', [
        'error',
        'warning',
        'note',
        'never',
      ]).default('error'),
    )
    .addOption(
      choice('--kind <kind>', 'what the directory is, where its path does not tell', [
        'database',
        'backup',
        'checkpoint',
      ]),
    )
    .addHelpText('after', examples);
  withTargetOptions(command).action(async (paths: string[], flags: ScanFlags) =>
    done(await scan(paths, flags, host)),
  );
}
