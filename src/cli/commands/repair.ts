import type { Command } from 'commander';
import { pathArgument } from '../../io/arguments.js';
import type { Report } from '../../report/report.js';
import { buildReport } from '../../report/summary.js';
import { fieldsText } from '../../report/text/evidence.js';
import { toolVersion } from '../../report/tool.js';
import { ExitStatus } from '../exit-status.js';
import type { Host } from '../host.js';
import { endSoon, watchInterrupt } from '../interrupt.js';
import { writeReport } from '../output-options.js';
import { progressBar } from '../progress-bar.js';
import { refusalOf } from '../refusal.js';
import {
  checkCompanions,
  destinationOf,
  methodOf,
  type RepairFlags,
  withRepairOptions,
} from '../repair-options.js';
import { agree, endingText, leftText, questionOf, settlingQuestion } from '../repair-questions.js';
import { say } from '../say.js';
import { streamSink } from '../sink.js';
import { placesOf, withTargetOptions } from '../target-options.js';
import { writePieces } from '../write-pieces.js';

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

/**
 * What a repair came to as an exit status. A recovery mode promises what the engine shows in it: a log that is gone keeps the engine from
 * nothing, and no mode has anything to change about it.
 */
function statusOf({ targets, summary }: Report, isMode: boolean): number {
  const { findings, repair: { state } = {} } = targets[0];
  const gone = isMode
    ? findings.filter(({ rule, severity }) => rule === 'directory/removed-wal' && severity === 'error').length
    : 0;
  if (state === 'refused' || state === 'not-clean') return ExitStatus.repairRefused;
  if (state === 'declined') return ExitStatus.interrupted;
  // the plan of a dry run says what would be done about the errors
  if (state === 'planned') return ExitStatus.ok;
  if (summary.errors > gone) return ExitStatus.repairRefused;
  return summary.unchecked > 0 ? ExitStatus.incomplete : ExitStatus.ok;
}

/** Adds `kvdoctor repair` to the program. `done` gets the exit status. */
export function addRepair(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('repair')
    .description('repair the database so that the engine opens it again; writes a copy, unless --in-place')
    .argument('[dir]', 'database directory', '.')
    .addHelpText('after', examples);
  withTargetOptions(withRepairOptions(command)).action(async (path: string, flags: RepairFlags) => {
    checkCompanions(flags);
    if (flags.emit !== undefined) return done(await emitCommands(path, flags, host));
    done(
      await writeReport(
        flags,
        host,
        [path],
        () => repair(path, flags, host),
        (report) => statusOf(report, flags.mode !== undefined),
      ),
    );
  });
}
