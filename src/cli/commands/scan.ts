import { type Command, Option } from 'commander';
import type { DatabaseRequest } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { pathArgument } from '../../io/arguments.js';
import { expandPath } from '../../io/globs.js';
import { holdsMoreThan } from '../../io/holds-more.js';
import { Interrupted } from '../../io/interruption.js';
import { throughText } from '../../io/odd-name.js';
import { Refusal } from '../../repair/refusal.js';
import type { Report, TargetReport } from '../../report/report.js';
import { buildReport } from '../../report/summary.js';
import { isSuppressed, underPolicy } from '../../scan/policy.js';
import type { ScanOptions } from '../../scan/scan.js';
import { goWhole, takesWhole } from '../../scan/shards/shard.js';
import { startThreads } from '../../scan/threads.js';
import { backupIds, choice } from '../choices.js';
import { dryRun } from '../dry-run.js';
import { ExitStatus, exitStatusOf } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { failOnOption, writeReport } from '../output-options.js';
import type { Outputs } from '../outputs.js';
import { addPolicyOptions, loadPolicy, type Policy } from '../policy.js';
import type { ProgressBar } from '../progress-bar.js';
import { rate, share, time } from '../quantities.js';
import { refusalOf } from '../refusal.js';
import { readEarlier } from '../report-file.js';
import { type ScanFlags, scanOptionsFor } from '../scan-options.js';
import { STANDARD_INPUT, withStandardInput } from '../seekable-input.js';
import { storeOf } from '../store-options.js';
import { jobsOption, placesOf, withFromOption, withTargetOptions } from '../target-options.js';
import { refuseTarget } from '../unopened.js';
import { whileWatched } from '../watched.js';

const examples = `
Examples:
  kvdoctor scan /var/lib/app/db                    check everything, every entry of every block
  kvdoctor scan --depth checksums db               checksums only: faster, finds what a disk does
  kvdoctor scan --format json=report.json db       the whole report as JSON, for other programs
  kvdoctor scan --kind backup --fail-on warning .  in CI: exit status 1 on anything suspicious
  kvdoctor scan db/000021.log                      a single file
  kvdoctor scan --from /mnt/checkpoint db          also what a second source could give back, and why that is proven
  restic dump latest /db | kvdoctor scan -         a tar archive from a pipe
  kvdoctor scan 's3://backups/*/latest'            databases in buckets, read where they are (docs/object-stores.md)
  kvdoctor scan --dry-run 's3://backups/*/latest'  how many bytes and requests that would take
  kvdoctor scan --application db                   also what readers of Kvrocks, TiKV or Restate would see
  kvdoctor scan --application /var/lib/tikv        a whole store of TiKV: its database, its raft log, and both together
  kvdoctor scan --shard 2/4 --format json=2.json db  one of four parts, for kvdoctor merge
  kvdoctor scan --since last.json --budget 10m '/backups/*'  what is new, then what was checked longest ago

Exit status: 0 nothing found, 1 findings, 2 usage, 3 not everything could be checked, 130 interrupted.`;

/** Above this many bytes all threads will be needed: they are started at once. */
const LARGE = 128 << 20;

/** What one run works with. */
interface ScanWork {
  /** Where each path lies: standard input as a file. */
  files: readonly string[];
  bar: ProgressBar;
  signal: AbortSignal;
  policy: Policy;
  found: Outputs['found'];
  /** Second sources, and where the files of the target lie. */
  offer?: { from: readonly string[] } & DatabaseRequest;
  optionsFor(path: string, alone: boolean): ScanOptions;
}

async function scanAll(paths: readonly string[], work: ScanWork): Promise<TargetReport[]> {
  // loaded here, so that commands that read no database start at once
  const { scanTarget } = await import('../../scan/scan.js');
  const { blankTarget } = await import('../../scan/target.js');
  const targets: TargetReport[] = [];
  const now = new Date();
  let readBefore = 0;
  for (const [i, path] of paths.entries()) {
    if (work.signal.aborted) break;
    const alone = paths.length === 1;
    const hooks = {
      onProgress({ done, total }: { done: number; total: number }) {
        const share = (i + (total > 0 ? done / total : 0)) / paths.length;
        // the sizes of later targets are not known yet
        work.bar.update({ share, done: readBefore + done, ...(alone && { total }) });
      },
      onFinding(found: Finding) {
        const judged = underPolicy(found, work.policy.of(path), now);
        if (!isSuppressed(judged)) work.found(judged, path);
      },
      signal: work.signal,
    };
    const { shard, ...whole } = work.optionsFor(path, alone);
    const isFleet = shard !== undefined && goWhole(shard, paths.length);
    if (isFleet && !takesWhole(shard, path)) {
      targets.push(blankTarget(path, 'database'));
      continue;
    }
    const options = isFleet || shard === undefined ? whole : { ...whole, shard };
    const argument = await pathArgument(work.files[i]);
    const scanned = await scanTarget(argument, options, hooks).catch((error) =>
      error instanceof Interrupted ? undefined : refuseTarget('scan', path, error, alone),
    );
    // nothing is known yet of this one
    if (scanned === undefined) break;
    const target = path === work.files[i] ? scanned : { ...scanned, path };
    readBefore += target.bytesRead;
    const offered = work.offer === undefined ? target : await withOffer(target, argument, path, work.offer);
    targets.push(work.policy.apply(offered, alone));
  }
  return targets;
}

async function withOffer(
  target: TargetReport,
  argument: string | Buffer,
  path: string,
  offer: NonNullable<ScanWork['offer']>,
): Promise<TargetReport> {
  const { withOffer: offerOf } = await import('../../repair/offer.js');
  return throughText(argument, (directory) =>
    offerOf(target, directory, { ...offer, findings: target.findings }),
  ).catch((error) => {
    if (error instanceof Refusal) throw refusalOf(error, 'scan', path);
    return refuseTarget('scan', path, error, true);
  });
}

/** Paths as given, patterns replaced by what they match, and with --application the data directory of a store by what it is made of. */
async function expanded(paths: readonly string[], flags: ScanFlags): Promise<string[]> {
  const { application } = flags;
  const { store } = storeOf(flags);
  const found = (await Promise.all(paths.map((each) => expandPath(each, store)))).flat();
  if (found.length === 0) throw new Failure(`nothing matches ${paths.join(' ')}`);
  if (!application) return found;
  const { instanceDirectories } = await import('../../app/applications.js');
  return (await Promise.all(found.map(instanceDirectories))).flat();
}

/** Scans while a bar shows how far it is; Ctrl-C ends it with what is known. */
async function scanWatched(
  paths: readonly string[],
  flags: ScanFlags,
  host: Host,
  work: Omit<ScanWork, 'bar' | 'signal'>,
): Promise<Report> {
  const startedAt = new Date();
  const started = performance.now();
  return whileWatched(host, flags.progress && !flags.quiet, async ({ bar, signal }) => {
    const targets = await scanAll(paths, { ...work, bar, signal });
    return buildReport(targets, {
      depth: work.optionsFor(paths[0], paths.length === 1).depth ?? flags.depth,
      startedAt,
      milliseconds: performance.now() - started,
      interrupted: signal.aborted,
    });
  });
}

async function scan(given: readonly string[], command: Command, host: Host): Promise<number> {
  const policy = await loadPolicy(command, host);
  const flags = command.opts<ScanFlags>();
  if (flags.shard !== undefined && flags.redact !== undefined && flags.redact !== 'none') {
    throw new Failure(
      "a shard's report cannot be redacted",
      undefined,
      'A merge needs its keys: redact there.',
    );
  }
  if (flags.shard !== undefined && given.includes(STANDARD_INPUT)) {
    throw new Failure(
      'standard input goes to one process: --shard cuts nothing of it',
      ExitStatus.usage,
      'Let each process read an archive of its own.',
    );
  }
  if (flags.dryRun) {
    const targets = await expanded(given.length > 0 ? given : ['.'], flags);
    const json = flags.format?.some(({ format }) => format === 'json') ?? false;
    return dryRun(targets, { ...storeOf(flags), json }, host);
  }
  const since = flags.since === undefined ? undefined : await readEarlier(flags.since);
  const options = scanOptionsFor(command, policy, since, host);
  const offer = flags.from && { offer: { ...placesOf(flags), from: flags.from } };
  const paths = await expanded(given.length > 0 ? given : ['.'], flags);
  // after an earlier report there is most likely little to read
  if (since === undefined && (await holdsMoreThan(paths[0], LARGE))) startThreads(flags.jobs - 1);
  return writeReport(
    flags,
    host,
    paths,
    ({ found }) =>
      withStandardInput(paths, host, (files) =>
        scanWatched(paths, flags, host, { files, policy, found, optionsFor: options, ...offer }),
      ),
    (report) => exitStatusOf(report, policy.failOn),
  );
}

/** Adds `kvdoctor scan` to the program. `done` gets the exit status. */
export function addScan(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('scan')
    .description('check every file of databases, backups and checkpoints, without opening them')
    .argument(
      '[dir...]',
      'database directories, archives of one, single files, s3://BUCKET/PREFIX, or patterns; -: an archive on standard input (default: the current directory)',
    )
    .addOption(
      choice('--depth <depth>', 'how much to check', ['structure', 'checksums', 'full']).default('full'),
    )
    .addOption(jobsOption())
    .addOption(failOnOption().default('error'))
    .addOption(
      choice('--kind <kind>', 'what the directory is, where its path does not tell', [
        'database',
        'backup',
        'checkpoint',
      ]),
    )
    .option('--backup <id>', 'of a backup directory only this backup; may be given several times', backupIds)
    .option(
      '--shard <i/n>',
      'check only part i of n, for kvdoctor merge; env: i and n from the variables of the CI system or cluster',
    )
    .option(
      '--since <report>',
      'read only files that have changed since this JSON report; every file where there is no report yet',
    )
    .option(
      '--budget <time>',
      'begin no file after this time, least recently checked first (with --since)',
      time,
    )
    .option('--sample <share>', 'read this share of the tables and blob files, chosen at random', share)
    .option('--max-read <rate>', 'read no faster, 200MB/s for example', rate)
    .addOption(
      new Option(
        '--dry-run',
        'scan nothing: say how many bytes, and requests of an object store, each depth would take',
      ).conflicts(['shard', 'since', 'recovery', 'application']),
    )
    .option('--recovery', 'also report what each WAL recovery mode would keep')
    .option('--application', "hold the contents against the application's own rules too")
    .addHelpText('after', examples);
  withFromOption(command, 'shard', 'since', 'budget', 'sample', 'backup');
  withTargetOptions(addPolicyOptions(command)).action(async (paths: string[]) =>
    done(await scan(paths, command, host)),
  );
}
