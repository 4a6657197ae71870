import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Depth } from '../../check/unit.js';
import { pathArgument } from '../../io/arguments.js';
import type { Report, TargetReport } from '../../report/report.js';
import { buildReport } from '../../report/summary.js';
import type { ScanOptions } from '../../scan/scan.js';
import { backupIds, choice, positive } from '../choices.js';
import type { FailOn } from '../exit-status.js';
import type { Host } from '../host.js';
import { watchInterrupt } from '../interrupt.js';
import { failOnOption, writeReport } from '../output-options.js';
import { type ProgressBar, progressBar } from '../progress-bar.js';
import { placesOf, type TargetFlags, withTargetOptions } from '../target-options.js';
import { refuseTarget } from '../unopened.js';

/** What commander makes of the command line. */
interface ScanFlags extends TargetFlags {
  depth: Depth;
  jobs: number;
  failOn: FailOn;
  kind?: ScanOptions['kind'];
  backup?: number[];
}

const examples = `
Examples:
  kvdoctor scan /var/lib/app/db                    check everything, every entry of every block
  kvdoctor scan --depth checksums db               checksums only: faster, finds what a disk does
  kvdoctor scan --format json=report.json db       the whole report as JSON, for other programs
  kvdoctor scan --kind backup --fail-on warning .  in CI: exit status 1 on anything suspicious
  kvdoctor scan db/000021.log                      a single file

Exit status: 0 nothing found, 1 findings, 2 usage, 3 not everything could be checked, 130 interrupted.`;

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
    const target = await scanTarget(argument, options, hooks).catch((error) =>
      refuseTarget('scan', path, error, alone),
    );
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
    ...(flags.backup && { backups: flags.backup }),
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

function scan(paths: readonly string[], flags: ScanFlags, host: Host): Promise<number> {
  return writeReport(flags, host, () => scanWatched(paths.length > 0 ? paths : ['.'], flags, host));
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
    .addOption(failOnOption().default('error'))
    .addOption(
      choice('--kind <kind>', 'what the directory is, where its path does not tell', [
        'database',
        'backup',
        'checkpoint',
      ]),
    )
    .option('--backup <id>', 'of a backup directory only this backup; may be given several times', backupIds)
    .addHelpText('after', examples);
  withTargetOptions(command).action(async (paths: string[], flags: ScanFlags) =>
    done(await scan(paths, flags, host)),
  );
}
