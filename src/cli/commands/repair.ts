import { type Command, Option } from 'commander';
import type { Depth } from '../../check/unit.js';
import { pathArgument } from '../../io/arguments.js';
import type { RecoveryMode } from '../../recovery/mode.js';
import { levelDbModes, recoveryModes } from '../../recovery/mode.js';
import type { Destination } from '../../repair/carry-out.js';
import type { Leftover } from '../../repair/leftovers.js';
import type { RepairMethod } from '../../repair/method.js';
import { type TombstonePolicy, tombstonePolicies } from '../../repair/tombstone-policy.js';
import { redactTarget } from '../../report/redact.js';
import type { Report, TargetReport } from '../../report/report.js';
import { plainPalette } from '../../report/reporter.js';
import { buildReport } from '../../report/summary.js';
import { fieldsText } from '../../report/text/evidence.js';
import { planText } from '../../report/text/plan.js';
import { toolVersion } from '../../report/tool.js';
import { choice, positive, several } from '../choices.js';
import { paletteFor, wantsColour } from '../colour.js';
import { canAsk, confirm } from '../confirm.js';
import { ExitStatus } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { endSoon, watchInterrupt } from '../interrupt.js';
import { writeReport } from '../output-options.js';
import { stdoutWidth } from '../outputs.js';
import { progressBar } from '../progress-bar.js';
import { refusalOf } from '../refusal.js';
import { say, show } from '../say.js';
import { streamSink } from '../sink.js';
import { jobsOption, placesOf, type TargetFlags, withTargetOptions } from '../target-options.js';
import { writePieces } from '../write-pieces.js';

interface RepairFlags extends TargetFlags {
  mode?: RecoveryMode;
  strategy?: (typeof strategies)[number];
  onLostTombstones?: TombstonePolicy;
  state?: number;
  dropOrphans?: true;
  bringBack?: true;
  emit?: 'redis';
  acceptHole?: true;
  healFirst?: true;
  from?: string[];
  dryRun?: true;
  output?: string;
  inPlace?: true;
  journal?: string;
  yes?: true;
  stopped?: true;
  depth: Depth;
  jobs: number;
}

const examples = `
Examples:
  kvdoctor simulate db                                         what each way would keep and lose
  kvdoctor repair --mode point-in-time --dry-run db            the plan, byte range by byte range; changes nothing
  kvdoctor repair --mode point-in-time db                      a repaired copy, db.repaired
  kvdoctor repair --mode point-in-time --in-place db           the directory itself, with a journal to undo it
  kvdoctor repair --strategy heal --dry-run db                 puts back bytes that are proven, and nothing else
  kvdoctor repair --strategy auto --dry-run db                 tables, MANIFEST, CURRENT, blob files and WALs, least loss first
  kvdoctor repair --from /mnt/checkpoint --dry-run db          puts back, byte for byte, what a second source proves
  kvdoctor repair --strategy auto --state 2 --dry-run db       another state that the files can give than the one chosen
  kvdoctor repair --strategy salvage --output /mnt/new/db db   keeps all that decodes, over the hole
  kvdoctor repair --strategy application --dry-run db          Kvrocks: what can be rebuilt of keys that contradict themselves
  kvdoctor repair --strategy application --emit redis db       the same as commands for a running server; changes nothing

Exit status: 0 repaired, or nothing to repair; 2 usage; 3 not everything could be looked at; 4 in use by a live
process; 5 refused, or the result is not clean; 130 declined or interrupted: the output says what was done and
how to go on.`;

const strategies = ['heal', 'salvage', 'metadata', 'tables', 'auto', 'application'] as const;

function methodOf(flags: RepairFlags): RepairMethod {
  const { mode, acceptHole, healFirst, onLostTombstones, dropOrphans, bringBack, state } = flags;
  const strategy = flags.strategy ?? (state === undefined ? undefined : 'auto');
  const from = flags.from && { from: flags.from };
  if (from !== undefined && strategy === undefined && mode === undefined)
    return { strategy: 'from', ...from };
  if (state !== undefined && strategy !== 'auto' && strategy !== 'metadata')
    throw new Failure('--state goes with --strategy auto or metadata', ExitStatus.usage);
  if (strategy === 'application')
    return { strategy, ...from, ...(dropOrphans && { dropOrphans }), ...(bringBack && { bringBack }) };
  if (strategy === 'salvage' || strategy === 'heal') return { strategy, ...from };
  if (strategy !== undefined)
    return {
      strategy,
      ...from,
      ...(onLostTombstones && { onLostTombstones }),
      ...(state !== undefined && { state }),
    };
  if (mode === undefined) {
    throw new Failure(
      'say how to repair: --mode point-in-time, another recovery mode, or --strategy salvage',
      ExitStatus.usage,
      'Which is best here: kvdoctor simulate DIR.',
    );
  }
  return { mode, ...from, ...(acceptHole && { acceptHole }), ...(healFirst && { healFirst }) };
}

function destinationOf({ dryRun, inPlace, output, journal }: RepairFlags): Destination {
  if (dryRun) return { kind: 'dry-run' };
  if (inPlace) return { kind: 'in-place', ...(journal !== undefined && { journal }) };
  return { kind: 'copy', ...(output !== undefined && { output }) };
}

/** What somebody is asked: what is shown first, and what is said where nobody can be asked. */
interface Question {
  show(): void;
  text: string;
  unasked: { message: string; next: string };
}

/** Asks; without a terminal only --yes is an answer. */
async function agree(
  { show: shown, text, unasked }: Question,
  { yes }: RepairFlags,
  host: Host,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes) return true;
  if (!canAsk(host)) throw new Failure(unasked.message, ExitStatus.usage, unasked.next);
  shown();
  return confirm(text, host, signal);
}

/** Whether a plan is to be carried out. */
function questionOf(planned: TargetReport, flags: RepairFlags, host: Host): Question {
  const where = flags.inPlace ? `change ${planned.path}` : 'write the repaired copy';
  return {
    show: () => showPlan(planned, flags, host),
    text: `Carry it out and ${where}?`,
    unasked: {
      message: 'nobody can be asked without a terminal',
      next: 'To see the plan: --dry-run. To carry it out: --yes.',
    },
  };
}

function showPlan(planned: TargetReport, flags: RepairFlags, host: Host): void {
  const settings = {
    width: stdoutWidth(host),
    palette: host.stderr.isTTY ? paletteFor(wantsColour(flags.color, host.env, host.stderr)) : plainPalette,
    verbose: flags.verbose ?? false,
    quiet: false,
  };
  show(host, planText(redactTarget(planned, flags.redact ?? 'none'), settings));
}

/** Whether repairs that were begun and killed are to be ended. */
function settlingQuestion(leftovers: readonly Leftover[], path: string, host: Host): Question {
  return {
    show: () => say(host, ...leftovers.map(leftoverText)),
    text: 'End it first?',
    unasked: {
      message: `a repair of ${path} was begun and not ended, and nobody can be asked without a terminal`,
      next: 'To end it: --yes.',
    },
  };
}

function leftoverText({ journal, phase, startedAt, entries }: Leftover): string {
  const what =
    phase === 'applying'
      ? 'will be finished'
      : phase === 'undoing'
        ? 'will be undone'
        : 'had changed nothing';
  const count = entries.length === 1 ? '1 file' : `${entries.length} files`;
  return `A repair of ${count}, begun at ${startedAt}, was not ended; it ${what}: ${journal}`;
}

/** What an interrupted repair has done, and what goes on or takes it back. `undo`: files in place change, and this undoes it. */
function endingText(stage: string, undo: string | undefined): string {
  // a repair that was begun before may be ended just now
  if (stage === '') return 'ending; the same command begins anew, or goes on with a repair that was begun';
  if (stage === 'scanning the result') return `all files are written${takesBack(undo)}`;
  if (undo === undefined)
    return 'ending; this repair has changed nothing, and the same command begins anew; Ctrl-C again to stop at once';
  return `files are being changed; what is not done in a moment is left, and the same command finishes it${takesBack(undo)}`;
}

/** In which state a repair is left that does not end by itself; `undefined`: it takes away what it has written, and ends. */
function leftText(stage: string, undo: string | undefined): string | undefined {
  if (stage === 'scanning the result')
    return 'the check of what was written is left out; kvdoctor scan makes it';
  if (stage !== 'writing') return '';
  return (
    undo &&
    `stopped while files were changed: an engine refuses the directory, or sees it as it was, until the same command finishes it${takesBack(undo)}`
  );
}

function takesBack(undo: string | undefined): string {
  return undo === undefined ? '' : `; to take the repair back: ${undo}`;
}

async function repair(path: string, flags: RepairFlags, host: Host): Promise<Report> {
  const [way, destination] = [methodOf(flags), destinationOf(flags)];
  const { repairTarget } = await import('../../repair/run.js');
  let stage = '';
  let undo: string | undefined;
  const interrupt = watchInterrupt(host, () => endingText(stage, undo));
  const shown = flags.progress && !flags.quiet;
  const startedAt = new Date();
  const started = performance.now();
  let bar = shown ? progressBar(host.stderr, host.env) : { update() {}, end() {} };
  interrupt.signal.addEventListener('abort', () => bar.end());
  endSoon(host, interrupt.signal, () => leftText(stage, undo));
  let asked = false;
  // time in which a person thinks is no work
  let thinking = 0;
  const thought = async (answer: Promise<boolean>) => {
    const since = performance.now();
    try {
      return await answer;
    } finally {
      thinking += performance.now() - since;
    }
  };
  try {
    const target = await repairTarget(
      await pathArgument(path),
      {
        ...placesOf(flags),
        way,
        destination,
        ...(flags.stopped && { stopped: true }),
        depth: flags.depth,
        jobs: flags.jobs,
        tool: `kvdoctor ${toolVersion}`,
      },
      {
        signal: interrupt.signal,
        onProgress: ({ done, total }) => bar.update({ share: total > 0 ? done / total : 0, done, total }),
        onStage: (next) => {
          stage = next;
          bar.end();
          if (shown) bar = progressBar(host.stderr, host.env);
        },
        onCommit: (command) => {
          undo = command;
        },
        settle: async (leftovers) => {
          bar.end();
          return thought(agree(settlingQuestion(leftovers, path, host), flags, host, interrupt.signal));
        },
        confirm: async (planned) => {
          bar.end();
          asked = !flags.yes;
          return thought(agree(questionOf(planned, flags, host), flags, host, interrupt.signal));
        },
      },
    );
    if (asked && target.repair) target.repair.asked = true;
    return buildReport([target], {
      depth: flags.depth,
      startedAt,
      milliseconds: performance.now() - started - thinking,
    });
  } catch (error) {
    throw refusalOf(error, 'repair', path);
  } finally {
    bar.end();
    interrupt.release();
  }
}

/** Prints the commands that rebuild keys; what is left alone goes to stderr. */
async function emitCommands(path: string, flags: RepairFlags, host: Host): Promise<number> {
  const { rebuildingCommands } = await import('../../repair/rebuilding-commands.js');
  const sink = streamSink(host.stdout);
  try {
    const { lines, left, emitted } = await rebuildingCommands(path, {
      ...placesOf(flags),
      jobs: flags.jobs,
      ...(flags.bringBack && { bringBack: true }),
    });
    await writePieces(sink, lines);
    await sink.close();
    for (const { detail, facts } of left) say(host, `kvdoctor: left alone: ${fieldsText(facts)}: ${detail}`);
    return emitted.keys === 0 && left.length > 0 ? ExitStatus.repairRefused : ExitStatus.ok;
  } catch (error) {
    throw refusalOf(error, 'repair', path);
  }
}

/** What a repair came to as an exit status. */
function statusOf({ targets, summary }: Report): number {
  const { state } = targets[0].repair ?? {};
  if (state === 'refused' || state === 'not-clean') return ExitStatus.repairRefused;
  if (state === 'declined') return ExitStatus.interrupted;
  // the plan of a dry run says what would be done about the errors
  if (state === 'planned') return ExitStatus.ok;
  if (summary.errors > 0) return ExitStatus.repairRefused;
  return summary.unchecked > 0 ? ExitStatus.incomplete : ExitStatus.ok;
}

/** Adds `kvdoctor repair` to the program. `done` gets the exit status. */
export function addRepair(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('repair')
    .description('repair the database so that the engine opens it again; writes a copy, unless --in-place')
    .argument('[dir]', 'database directory', '.')
    .addOption(
      choice('--mode <mode>', 'keep what this recovery mode keeps', [
        ...recoveryModes,
        ...levelDbModes,
      ]).conflicts('strategy'),
    )
    .addOption(
      choice(
        '--strategy <strategy>',
        'go beyond the recovery modes. heal: put back bytes that are proven; salvage: keep every record of the WALs that decodes, across gaps; metadata: write MANIFEST and CURRENT anew from the files; tables: replace damaged tables by what is left of them; auto: all that is needed, least loss first; application: rebuild keys by the rules of the application',
        strategies,
      ),
    )
    .addOption(
      choice(
        '--on-lost-tombstones <policy>',
        'where a table lost deletions: hide what they deleted (keep-hidden), let it come back, or refuse',
        tombstonePolicies,
      ).conflicts('mode'),
    )
    .addOption(
      new Option(
        '--state <n>',
        'with --strategy auto: take this one of the states that the files can give (a plan numbers them)',
      )
        .argParser(positive)
        .conflicts('mode'),
    )
    .addOption(
      new Option('--accept-hole', 'where no consistent point exists: keep what follows the damage').conflicts(
        'strategy',
      ),
    )
    .addOption(
      new Option('--heal-first', 'put back bytes that are proven before the WALs are cut').conflicts(
        'strategy',
      ),
    )
    .option(
      '--from <source>',
      'a checkpoint, a backup directory or another copy of the database: put back first what it proves, by identity and checksums; alone: only that; may be given several times',
      several,
    )
    .addOption(
      new Option(
        '--drop-orphans',
        'with --strategy application: also delete elements of deleted keys',
      ).conflicts(['mode', 'emit']),
    )
    .addOption(
      new Option(
        '--bring-back',
        'with --strategy application: make elements that no command reaches reachable again; some may have been removed on purpose',
      ).conflicts('mode'),
    )
    .addOption(
      choice(
        '--emit <form>',
        'with --strategy application: print what rebuilds the keys, and change nothing',
        ['redis'],
      ).conflicts(['mode', 'dryRun', 'inPlace', 'output', 'yes']),
    )
    .addOption(
      new Option('--dry-run', 'show the plan and change nothing').conflicts(['inPlace', 'output', 'yes']),
    )
    .addOption(
      new Option(
        '--output <dir>',
        'where the repaired copy goes (default: the name with .repaired)',
      ).conflicts('inPlace'),
    )
    .option('--in-place', 'change the directory itself, with an undo journal beside it')
    .option('--journal <dir>', 'where the undo journal of --in-place goes')
    .option('--yes', 'do not ask')
    .option('--stopped', 'the server is stopped and stays so (where its lock cannot be held)')
    .addOption(
      choice('--depth <depth>', 'how much to check before and after', [
        'structure',
        'checksums',
        'full',
      ]).default('full'),
    )
    .addOption(jobsOption())
    .addHelpText('after', examples);
  withTargetOptions(command).action(async (path: string, flags: RepairFlags) => {
    if (flags.journal !== undefined && !flags.inPlace) {
      throw new Failure('--journal goes with --in-place', ExitStatus.usage, 'A copy needs no journal.');
    }
    const { emit, dropOrphans, bringBack, strategy } = flags;
    const alone = emit ? '--emit' : dropOrphans ? '--drop-orphans' : bringBack ? '--bring-back' : undefined;
    if (alone !== undefined && strategy !== 'application') {
      throw new Failure(`${alone} goes with --strategy application`, ExitStatus.usage);
    }
    if (flags.emit !== undefined) return done(await emitCommands(path, flags, host));
    done(await writeReport(flags, host, [path], () => repair(path, flags, host), statusOf));
  });
}
