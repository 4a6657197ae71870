import path from 'node:path';
import { shellWord } from '../../finding/shell-word.js';
import { isObjectAddress } from '../../io/objects/address.js';
import { raftRecoveryModes, recoveryModes } from '../../recovery/mode.js';
import type { PlanReport, RepairReport, Report, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { commandLine, paragraph } from './layout.js';

/** The path of a target that came through a pipe. */
const STANDARD_INPUT = '-';

/** A further command and what it shows or does. */
interface Other {
  what: string;
  command: string;
}

/** Areas whose damage decides what recovery brings back: what that is, is the next thing to know. */
const RECOVERED: ReadonlySet<string> = new Set(['wal', 'batch', 'sequence']);

/** Areas whose damage a repair puts right with what still holds: what it would do, and at what cost, is the next thing to know. */
const REPAIRED: ReadonlySet<string> = new Set([
  ...RECOVERED,
  'raft-engine',
  'directory',
  'manifest',
  'sst',
  'blob',
  'object',
]);

/** No repair writes Titan's files: what can be read of their values is what there is. */
const TITAN: ReadonlySet<string> = new Set(['titan']);

/** The option that asks for a plan's strategy: recovery modes have one of their own. */
function strategyOption(strategy: string): string {
  // the sources themselves are among the options
  if (strategy === 'from') return '';
  const isMode = [...recoveryModes, ...raftRecoveryModes].some((mode) => mode === strategy);
  return `--${isMode ? 'mode' : 'strategy'} ${strategy}`;
}

/** What a plan needs that writes outside its target: a copy would still use what lies there. */
function outsideOptions({ outside = [] }: PlanReport): string[] {
  if (outside.length === 0) return [];
  return ['--in-place', ...outside.map(({ option, directory }) => `${option} ${shellWord(directory)}`)];
}

/** A command on a target, with what was given of where its files lie and which engine reads them. */
function commandOn(
  { path, given = [] }: TargetReport,
  words: string,
  options: readonly string[] = [],
): string {
  return ['kvdoctor', words, ...new Set([...options, ...given]), shellWord(path)].join(' ');
}

/** The command that carries a plan out; none where its target is a copy that another database still uses the files of. */
function carryOutCommand(target: TargetReport, plan: PlanReport): string | undefined {
  if (plan.outside?.some(({ original }) => original !== undefined)) return undefined;
  return commandOn(target, `repair ${strategyOption(plan.strategy)}`.trimEnd(), [
    ...(plan.options ?? []),
    ...outsideOptions(plan),
  ]);
}

/** Gives the newest backup that is whole, or what can be read of the newest one, as a database directory. */
function restoreCommand(target: TargetReport): string | undefined {
  const { backups = [], restorable = [] } = target;
  const whole = restorable.at(-1);
  const id = whole ?? backups.findLast(({ verdict }) => verdict !== 'unfinished')?.id ?? backups.at(-1)?.id;
  if (id === undefined) return undefined;
  const output = shellWord(`${atHand(target).path.replace(/\/$/, '')}.restored-${id}`);
  const how = whole === undefined ? '--lenient ' : '';
  return commandOn(target, `export ${how}--backup ${id} --output ${output}`);
}

/** All that can still be read, where no repair gives more. */
function exportCommand(target: TargetReport): string {
  return commandOn(target, `export --lenient --output ${shellWord(`${atHand(target).path}.export`)}`);
}

/** What to type when a repair has said what it would do, was declined, or could not be done. Service has lines of its own. */
function afterRepair(target: TargetReport, repair: RepairReport): string | undefined {
  const { plan, application, findings, recommendation } = target;
  const { state } = repair;
  if (state === 'repaired') return undefined;
  if (state === 'not-clean') {
    if (target.engine.name === 'raft-engine') return commandOn(target, 'simulate');
    if (plan?.strategy !== 'auto') return commandOn(target, 'repair --strategy auto --dry-run');
    return exportCommand(target);
  }
  if (state === 'planned' || state === 'declined') {
    if (plan === undefined) return undefined;
    if (plan.loss.length > 0 && application?.rebuild?.command !== undefined)
      return application.rebuild.command;
    return recommendation?.command ?? carryOutCommand(target, plan);
  }
  const command = recommendation?.command ?? repair.command;
  if (command !== undefined) return command;
  if (!findings.some(({ severity }) => severity === 'error')) return undefined;
  return application?.rebuild?.command;
}

/** The plan itself where another way is named first. */
export function otherCommand({ targets }: Report): Other | undefined {
  for (const target of targets) {
    const { plan, repair, recommendation } = target;
    if (repair?.state !== 'planned' || plan === undefined || recommendation?.command === undefined) continue;
    const command = carryOutCommand(target, plan);
    if (command !== undefined) return { what: 'This plan, as it is', command };
  }
  return undefined;
}

/** How what a repair has made comes into service, in the order in which it is typed. */
export function serviceText(target: TargetReport, settings: RenderSettings): string[] {
  const { repair } = target;
  if (repair?.state !== 'repaired') return [];
  const said = (text: string) => paragraph(text, settings.width, '');
  const typed = (command: string) => commandLine('', command, settings);
  const { output, original, undo, journal } = repair;
  if (output !== undefined && original !== undefined) {
    const aside = shellWord(`${original}.damaged`);
    return [
      said(
        'To put the copy into service, while the server is stopped, move the damaged directory aside and the copy in:',
      ),
      typed(`mv ${shellWord(original)} ${aside}`),
      typed(`mv ${shellWord(output)} ${shellWord(original)}`),
      ...(repair.owner === 'differs'
        ? [
            said('The copy could not be given the owner of the original. As root:'),
            typed(`chown -R --reference=${aside} ${shellWord(original)}`),
          ]
        : []),
      said(
        `${lookText(target)} Delete ${original}.damaged when the application has worked with the copy for as long as you keep backups.`,
      ),
      commandLine(
        'next',
        `kvdoctor scan ${isIncoherent(target) ? '--application ' : ''}${shellWord(original)}`,
        settings,
      ),
    ];
  }
  if (undo === undefined) return [];
  return [
    said('To go back, before a server has written to it:'),
    typed(undo),
    ...(repair.owner === 'differs'
      ? [
          said(
            'New files could not be given the owner of the old ones. As root, where all are of one owner:',
          ),
          typed(`chown -R --reference=${shellWord(target.path)} ${shellWord(target.path)}`),
        ]
      : []),
    said(
      `${lookText(target)} ${journal} can be deleted when you will not go back: it serves only until a server has written.`,
    ),
    commandLine('next', commandOn(target, isIncoherent(target) ? 'scan --application' : 'scan'), settings),
  ];
}

/** The plan said that what it leaves is not whole to its application. */
function isIncoherent({ plan }: TargetReport): boolean {
  return plan?.result?.some(({ contents }) => (contents?.errors ?? 0) > 0) ?? false;
}

function lookText(target: TargetReport): string {
  if (!isIncoherent(target)) return 'Start the server and look at the database again.';
  const name = target.application?.name ?? 'the application';
  return `The files are whole, but what they hold is not coherent to ${name}, as the plan said: its server may refuse to start. Look at the contents before you start it.`;
}

/** Where the command that unpacks an archive puts it. */
const unpackedAt = (path: string) => `${path}.unpacked`;

/** Options of `given` that say how a bucket is asked. */
const STORE_OPTION = /^--(?:endpoint-url|path-style|request-payer)\b/;

/** A target of a bucket as it lies when it has been copied into the working directory. */
function atHand(target: TargetReport): TargetReport {
  if (!isObjectAddress(target.path)) return target;
  const given = (target.given ?? []).filter((option) => !STORE_OPTION.test(option));
  return { ...target, path: path.posix.basename(target.path), given };
}

/** What copies a target of a bucket there: `sync` all below a prefix, `cp` an object. The tool of AWS itself takes no path style. */
function copyCommand(target: TargetReport, how: 'sync' | 'cp'): string {
  const asked = (target.given ?? []).filter(
    (option) => STORE_OPTION.test(option) && option !== '--path-style',
  );
  const places = [target.path, atHand(target).path].map(shellWord);
  return ['aws s3', how, ...asked, ...places].join(' ');
}

/** A target as it lies when it has been copied and unpacked: what changes it, or is made of it, works on a directory. */
function unpacked(target: TargetReport): TargetReport {
  const { archive } = target;
  const here = atHand(target);
  if (archive === undefined) return here;
  return { ...here, path: [unpackedAt(here.path), archive.root].filter((part) => part !== '').join('/') };
}

/** A command that works on a directory of this machine alone. */
function onDirectory(target: TargetReport, words: string, options: readonly string[] = []): string {
  const command = commandOn(unpacked(target), words, options);
  // how an archive gets here is said where it is unpacked
  const isCopied = isObjectAddress(target.path) && target.archive === undefined;
  return isCopied ? `${copyCommand(target, 'sync')} && ${command}` : command;
}

/** A damaged database lies in an archive, in which no repair works. */
function isToBeUnpacked({ archive, findings, recovery = [], repair }: TargetReport): boolean {
  const isDamaged =
    findings.some(({ severity }) => severity === 'error') ||
    recovery.some(({ own, harmless }) => own && harmless === false);
  return archive !== undefined && repair === undefined && isDamaged;
}

/** How a damaged database comes out of its archive. */
export function unpackLines(target: TargetReport, settings: RenderSettings): string[] {
  if (!isToBeUnpacked(target)) return [];
  const advice = paragraph('Unpack it first: a repair works on a directory.', settings.width, '');
  const command = unpackCommand(target);
  return command === undefined ? [advice] : [advice, commandLine('', command, settings)];
}

/** What takes a damaged database out of its archive; `undefined`: there is none, or it came through a pipe. */
export function unpackCommand(target: TargetReport): string | undefined {
  const { archive } = target;
  const { path } = atHand(target);
  if (archive === undefined || path === STANDARD_INPUT || !isToBeUnpacked(target)) return undefined;
  const into = shellWord(unpackedAt(path));
  const unpack =
    archive.format === 'zip'
      ? `unzip -q ${shellWord(path)} -d ${into}`
      : `tar -xf ${shellWord(path)} -C ${into}`;
  const copy = isObjectAddress(target.path) ? `${copyCommand(target, 'cp')} && ` : '';
  return `${copy}mkdir ${into} && ${unpack}`;
}

/** Targets that have a command of their own; a report of more names how many are left. */
const NAMED_TARGETS = 8;

/** What to type next of every target that has findings of the worst severity, and of how many more there would be something. */
export function nextCommands({ targets }: Report): { commands: string[]; more: number } {
  for (const severity of ['error', 'warning'] as const) {
    const found = targets.flatMap((target) => nextOf(target, severity) ?? []);
    const commands = [...new Set(found)];
    if (commands.length > 0)
      return {
        commands: commands.slice(0, NAMED_TARGETS),
        more: Math.max(0, commands.length - NAMED_TARGETS),
      };
  }
  return { commands: [], more: 0 };
}

/**
 * What to type next of a target: what the worst finding asks for; what recovery would make of damaged WALs; what a repair of other
 * files would do; else an explanation.
 */
function nextOf(target: TargetReport, severity: 'error' | 'warning'): string | undefined {
  const { kind, findings, repair, application, backups, path } = target;
  // no repair works on backups: what a scan of them would say holds
  if (repair !== undefined && backups === undefined) return afterRepair(target, repair);
  // what second sources give back costs nothing
  if (target.plan !== undefined && target.plan.steps.length > 0)
    return onDirectory(target, 'repair', [...(target.plan.options ?? []), '--dry-run']);
  const { holds = [] } = target;
  if (severity === 'warning' && holds.length > 0)
    return `kvdoctor scan ${holds.map((below) => shellWord(`${path}/${below}`)).join(' ')}`;
  const worst = findings.filter((finding) => finding.severity === severity);
  if (worst.length === 0) return undefined;
  const alone = findings.find(({ rule }) => rule === 'directory/wals-only');
  const next = alone?.next ?? worst.find((finding) => finding.next !== undefined)?.next;
  // healing takes only its own findings away; auto heals first
  const heal = commandOn(target, 'repair --strategy heal --dry-run');
  const healsAll = worst.every((finding) => finding.next === heal);
  if (next === heal && !healsAll) return commandOn(target, 'repair --strategy auto --dry-run');
  if (next !== undefined) return next;
  if (application?.rebuild?.command !== undefined) return application.rebuild.command;
  const within = (areas: ReadonlySet<string>) =>
    worst.every(({ rule }) => areas.has(rule.split('/')[0])) && severity === 'error';
  if (path === STANDARD_INPUT) return `kvdoctor explain ${worst[0].rule}`;
  if (backups !== undefined && severity === 'error')
    return restoreCommand(target.archive === undefined ? target : unpacked(target));
  // of what opens without a word a simulation tells less than the plan of a repair
  const { opening } = target;
  const isSilent = target.engine.name === 'pebble' || (opening?.opens && !opening.lost?.records);
  if (within(RECOVERED) && kind !== 'file' && !isSilent) return commandOn(target, 'simulate');
  if (within(TITAN) && kind !== 'file') return exportCommand(target);
  if (within(REPAIRED) && kind !== 'file') return onDirectory(target, 'repair --strategy auto --dry-run');
  return `kvdoctor explain ${worst[0].rule}`;
}

/** How to look at the contents of an application, which a scan of the files does not. */
export function contentsCommand({ targets }: Report): Other | undefined {
  const [target] = targets.filter(
    (each) =>
      each.application?.profile &&
      !each.application.checked &&
      each.repair === undefined &&
      each.shard === undefined &&
      each.path !== STANDARD_INPUT,
  );
  if (target === undefined) return undefined;
  const { application, findings } = target;
  const isCut = findings.some(
    ({ severity, rule }) => severity === 'error' && RECOVERED.has(rule.split('/')[0]),
  );
  const command = commandOn(target, `${isCut ? 'simulate' : 'scan'} --application`);
  const what = isCut
    ? `What each recovery mode leaves of ${application?.name}`
    : `What ${application?.name} keeps in it`;
  return { what, command };
}
