import { byteSize, counted, grouped, offsetText } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { LossReport, RecoveryReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { commandSentences, sentenceLines } from './command-lines.js';
import { contentsText } from './contents.js';
import { commandLine, paragraph } from './layout.js';
import { lossSentences } from './loss.js';
import { rebuildText } from './rebuild.js';
import { plainTable, rendered } from './table.js';

/** What a mode takes from the WALs. */
function operationsApplied({ wals = [] }: RecoveryReport): number {
  return wals.reduce((sum, wal) => sum + wal.operations, 0);
}

/** The recovery modes side by side, what stops each, what each loses, and which way to go. */
export function* recoveryText(target: TargetReport, settings: RenderSettings): Iterable<string> {
  const { recovery = [], recommendation, application, states, state: taken } = target;
  if (recovery.length === 0) return;
  yield `${modesTable(target, settings)}\n\n`;
  for (const mode of recovery) yield modeText(mode, recovery, settings);
  if (states !== undefined) {
    yield `${settings.palette.strong('States that the files can give')}\n`;
    for (const { number, current, detail } of states) {
      const mark = (taken === undefined ? current : number === taken) ? '*' : ' ';
      yield `${paragraph(printable(detail), settings.width, `${mark} --state ${number}  `)}\n`;
    }
    yield settings.palette.dim('* what the table above shows\n\n');
  }
  yield* contentsText(target, settings);
  if (recovery.some(({ columnFamilies = [] }) => columnFamilies.length > 0))
    yield `${digestTable(recovery, settings)}\n\n`;
  if (application?.recovery !== undefined)
    yield `${paragraph(printable(application.recovery), settings.width, '')}\n\n`;
  if (recommendation?.command === undefined || recommendation.command !== application?.rebuild?.command)
    yield* rebuildText(application?.rebuild, settings);
  const harmless = recovery.find(({ own }) => own)?.harmless;
  if (recommendation !== undefined && (recommendation.command !== undefined || harmless === false))
    yield `${paragraph(printable(recommendation.reason), settings.width, '')}\n`;
  if (recommendation?.command !== undefined) {
    const { lost } = recommendation;
    for (const line of lost === undefined ? [] : commandSentences(lost, 'what it gives up'))
      yield `${sentenceLines(line, settings.width, '  ')}\n`;
    yield `${commandLine('next', recommendation.command, settings)}\n`;
  }
}

/** A line for each mode; the database's own is marked with a star. */
function modesTable({ recovery = [], engine }: TargetReport, settings: RenderSettings): string {
  const { palette } = settings;
  const table = plainTable(
    ['recovery mode', 'opens', 'last sequence', 'taken from WALs', 'lost from WALs'],
    ['left', 'left', 'right', 'right', 'left'],
    settings,
  );
  for (const mode of recovery) {
    const { opens, lost, own } = mode;
    const name = `${own ? '*' : ' '} ${mode.mode}`;
    table.push([
      own ? palette.strong(name) : name,
      opens ? palette.good('yes') : palette.error('no'),
      mode.lastSequence ?? '',
      opens ? grouped(operationsApplied(mode)) : '',
      opens ? lostText(lost, palette) : '',
    ]);
  }
  const own = recovery.find((mode) => mode.own);
  const why =
    engine.name === 'pebble'
      ? 'the one way in which Pebble opens for writing'
      : engine.name === 'raft-engine'
        ? 'what raft-engine does unless its configuration says otherwise'
        : own?.mode === 'default'
          ? 'what LevelDB does unless it is told otherwise'
          : 'what OPTIONS asks for';
  const note = own ? palette.dim(`\n  * ${why}`) : '';
  return rendered(table) + note;
}

/** `5 records with 7 operations, 287 bytes damaged`. */
function lostText(
  { records = 0, operations = 0, damagedBytes, tornBytes }: Partial<LossReport>,
  palette: RenderSettings['palette'],
): string {
  const held = counted(operations, 'operation');
  const parts = [
    records > 0
      ? palette.error(`${counted(records, 'record')} with ${held}`)
      : operations > 0 && palette.error(held),
    damagedBytes && palette.error(`${byteSize(damagedBytes)} damaged`),
    !damagedBytes && tornBytes && `${byteSize(tornBytes)} torn`,
  ].filter((part) => part);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** What stops a mode and what it leaves out; nothing for one that opens and leaves nothing out, or does what another does. */
function modeText(mode: RecoveryReport, all: readonly RecoveryReport[], settings: RenderSettings): string {
  const { width, palette } = settings;
  const twin = all.find(
    (other) => other !== mode && all.indexOf(other) < all.indexOf(mode) && alike(other, mode),
  );
  const lines = twin
    ? [`as ${twin.mode}`]
    : mode.sameAs !== undefined && (mode.lost.records || mode.lost.damagedBytes)
      ? [`keeps what ${mode.sameAs} keeps, and loses the same`]
      : sentences(mode);
  if (lines.length === 0) return '';
  const [first, ...rest] = lines.map((line) => sentenceLines(line, width, '  '));
  return `${palette.strong(mode.mode)}\n${[first, ...rest].join('\n')}\n\n`;
}

function alike(a: RecoveryReport, b: RecoveryReport): boolean {
  const said = (mode: RecoveryReport) => sentences(mode).join('\n');
  return said(a) !== '' && said(a) === said(b);
}

function sentences(mode: RecoveryReport): string[] {
  const { opens, error, errorFile, lost, wals = [], flushFails, unproven = 0, remarks = [] } = mode;
  if (!opens) return [`refuses: ${error}${errorFile === undefined ? '' : ` (${errorFile})`}`];
  const stops = wals
    .filter(({ state }) => state === 'stopped')
    .map(({ file, stoppedAt, reason }) => {
      const at = stoppedAt === undefined ? '' : ` at ${offsetText(stoppedAt)}`;
      return `stops in ${file}${at}${reason === undefined ? '' : `: ${reason}`}`;
    });
  const dropped = wals.filter(({ state }) => state === 'dropped').map(({ file }) => file);
  return [
    ...stops,
    ...(dropped.length > 0 ? [`drops ${dropped.join(', ')} whole`] : []),
    ...lossSentences(lost),
    ...(flushFails === undefined ? [] : [`and then fails to write what it recovered: ${flushFails}`]),
    ...unreadableSentences(mode),
    ...(unproven > 0 ? [`keeps ${counted(unproven, 'operation')} that nothing proves`] : []),
    ...remarks,
  ];
}

/** Files with something unreadable that are listed. */
const FILES_SHOWN = 8;

/** `33 entries of default cannot be read: 000011.sst: The data block does not match its checksum`. */
function unreadableSentences({ unreadable }: RecoveryReport): string[] {
  if (unreadable === undefined) return [];
  const lines = unreadable.files.slice(0, FILES_SHOWN).map(({ file, columnFamily, entries, reason }) => {
    const of = columnFamily === undefined ? '' : ` of ${columnFamily}`;
    const what =
      entries === undefined
        ? `an unknown number of entries${of} cannot be read`
        : entries === 0
          ? `damaged${of === '' ? '' : `, part${of}`}`
          : `${counted(entries, 'entry', 'entries')}${of} cannot be read`;
    return `${file}: ${what}: ${reason}`;
  });
  const more = unreadable.files.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${counted(more, 'more file')}`] : [])];
}

/** Entries and hash of every column family, a column for each state that modes lead to. */
function digestTable(recovery: readonly RecoveryReport[], settings: RenderSettings): string {
  const states = recovery.filter(({ columnFamilies, sameAs }) => columnFamilies && sameAs === undefined);
  const head = states.flatMap(({ mode }) => [
    [mode, ...recovery.filter(({ sameAs }) => sameAs === mode).map((same) => same.mode)].join('\n'),
    'FNV-1a 64',
  ]);
  const table = plainTable(
    ['column family', ...head],
    ['left', ...head.map(() => 'right' as const)],
    settings,
  );
  for (const [i, { name }] of (states[0].columnFamilies ?? []).entries()) {
    const cells = states.flatMap(({ columnFamilies = [] }) => {
      const family = columnFamilies[i];
      if (family === undefined) return ['', ''];
      const { error } = settings.palette;
      const flag = family.problem
        ? error(' damaged')
        : family.shownAgain
          ? error(' keys twice')
          : family.unmerged
            ? ' unmerged'
            : '';
      return [grouped(family.entries), family.fnv1a64 + flag];
    });
    table.push([printable(name), ...cells]);
  }
  return rendered(table);
}
