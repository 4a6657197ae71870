import type { KeyBytes } from '../../finding/evidence.js';
import { byteSize, counted, grouped, offsetText } from '../../finding/quantity.js';
import { shellWord } from '../../finding/shell-word.js';
import { printable } from '../printable.js';
import type {
  LostCommandsReport,
  OutsideReport,
  PlanReport,
  PlanStatement,
  PlanStepReport,
  RecoveryReport,
  TargetReport,
} from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { commandSentences, hitLines, sentenceLines } from './command-lines.js';
import { contentsText } from './contents.js';
import { type EvidenceFields, evidenceText, fieldsText, isFields } from './evidence.js';
import { fileOf } from './finding.js';
import { paragraph } from './layout.js';
import { familyLossText } from './loss.js';
import { rebuildText } from './rebuild.js';
import { engineNames } from './target.js';

type FamilyLoss = Parameters<typeof familyLossText>[0];

/** What a repair will change, byte range by byte range, what that costs, and what the engine will find. */
export function* planText(
  { plan, application, engine }: Pick<TargetReport, 'plan' | 'application' | 'engine'>,
  settings: RenderSettings,
): Iterable<string> {
  if (plan === undefined) return;
  const { palette, width } = settings;
  const title = (text: string) => `${palette.strong(text)}\n`;
  if (plan.loss.length > 0) yield* rebuildText(application?.rebuild, settings);
  const reader =
    engine.name === 'leveldb' || engine.name === 'raft-engine'
      ? engineNames[engine.name]
      : `${engineNames[engine.name === 'pebble' ? 'pebble' : 'rocksdb']} ${plan.engineVersion}`;
  const first = plan.options?.includes('--heal-first') ? 'heal, then ' : '';
  yield title(`Plan: ${first}${plan.strategy}, for ${reader}`);
  for (const each of plan.outside ?? []) yield outsideText(each, settings);
  for (const step of plan.steps) yield stepText(step, settings);
  yield* objectsText(plan, settings);
  yield `\n${title('What is lost')}`;
  if (plan.loss.length === 0) yield '  nothing\n';
  for (const statement of plan.loss) yield* statementText(statement, settings);
  if (plan.unproven !== undefined) {
    yield `\n${title('What is kept and not proven')}`;
    for (const statement of plan.unproven) yield* statementText(statement, settings);
  }
  if (plan.undecided !== undefined) {
    yield `\n${title('What stays undecided')}`;
    for (const statement of plan.undecided) yield* statementText(statement, settings);
  }
  if (plan.remarks.length > 0) yield `\n${[...remarksText(plan, settings)].join('')}`;
  if (plan.result !== undefined) {
    yield `\n${title('The result, put together in memory and opened as the engine would open it')}`;
    yield `${paragraph(printable(resultText(plan.result)), width, '  ')}\n`;
    const broken = plan.result.filter(({ contents }) => contents?.coherent === false);
    if (broken.length > 0) {
      yield '\n';
      yield* contentsText({ recovery: broken, ...(application && { application }) }, settings);
    }
  }
  yield '\n';
}

/** What second sources could give back: a plan that nobody has asked to carry out. */
export function* offerText(
  target: Pick<TargetReport, 'plan' | 'application' | 'engine'>,
  settings: RenderSettings,
): Iterable<string> {
  const { plan } = target;
  if (plan === undefined) return;
  if (plan.steps.length > 0) yield* planText(target, settings);
  else yield `${[...remarksText(plan, settings)].join('')}\n`;
}

/** What a person should know of a plan. */
export function* remarksText(
  { remarks }: Pick<PlanReport, 'remarks'>,
  { palette, width }: RenderSettings,
): Iterable<string> {
  if (remarks.length > 0) yield `${palette.strong('To know')}\n`;
  for (const remark of remarks) yield `${paragraph(printable(remark), width, '  ')}\n`;
}

function* statementText(
  { file, root, detail, facts }: PlanStatement,
  settings: RenderSettings,
): Iterable<string> {
  const { width } = settings;
  const where = file === '.' ? '' : `${fileOf({ file, ...(root !== undefined && { root }) })}: `;
  yield `${paragraph(printable(where + detail), width, '  ')}\n`;
  if (facts.transaction !== undefined)
    yield `${paragraph(printable(`transaction ${evidenceText(facts.transaction)}`), width, '    ')}\n`;
  const { list, notListed, keys, keyRanges } = facts;
  const others = Array.isArray(list) ? 0 : Number(notListed ?? 0);
  const more = others > 0 ? ` and ${grouped(others)} more` : '';
  if (Array.isArray(keyRanges)) {
    const ranges = keyRanges
      .filter(isFields)
      .map(({ from, to }) => `${evidenceText(from)} to ${evidenceText(to)}`);
    yield `${paragraph(printable(`keys ${ranges.join(', ')}${more}`), width, '    ')}\n`;
  }
  if (Array.isArray(keys)) {
    const named = keys.map((key) => evidenceText(key)).join(', ');
    yield `${paragraph(printable(`keys ${named}${more}`), width, '    ')}\n`;
  }
  if (Array.isArray(list)) yield* operationLines(list.filter(isFields), Number(notListed ?? 0), settings);
  else
    for (const family of (facts.columnFamilies ?? []) as unknown as FamilyLoss[])
      yield `${paragraph(printable(familyLossText(family)), width, '    ')}\n`;
  if (file === '.' && facts.key !== undefined) yield `${paragraph(fieldsText(facts), width, '    ')}\n`;
  for (const { text } of hitLines(facts)) yield `${paragraph(text, width, '    ')}\n`;
  if (facts.commands !== undefined) {
    const lost = facts.commands as unknown as LostCommandsReport;
    for (const line of commandSentences(lost)) yield `${sentenceLines(line, width, '    ')}\n`;
  }
}

/** `9f`, or how many they are where they are left out. */
function bytesText({ value }: { value: KeyBytes }): string {
  // a report whose values are left out has their number in place of them
  return value.base64 === undefined
    ? evidenceText({ ...(value as object) })
    : Buffer.from(value.base64, 'base64').toString('hex');
}

/** `put "hot" of default`, a line each. */
function* operationLines(
  list: readonly EvidenceFields[],
  more: number,
  { width }: RenderSettings,
): Iterable<string> {
  for (const { operation, key, keyBeginsWith, columnFamily } of list) {
    const named =
      key === undefined ? `a key that begins with ${evidenceText(keyBeginsWith ?? '')}` : evidenceText(key);
    const line = `${operation} ${named} of ${columnFamily}`;
    yield `${paragraph(printable(line), width, '    ')}\n`;
  }
  if (more > 0) yield `    and ${grouped(more)} more\n`;
}

/** A directory outside the target comes before everything that is done in it. */
function outsideText(outside: OutsideReport, settings: RenderSettings): string {
  const { palette, width } = settings;
  const head = `  ${palette.error('writes outside')}  ${printable(outside.directory)}`;
  return `${head}\n${paragraph(printable(permission(outside)), width, '          ')}\n`;
}

function permission({ directory, option, given, owners, original }: OutsideReport): string {
  if (original !== undefined) return `not carried out: it is ${original}\u2019s, of which this is a copy`;
  const also = owners.length === 0 ? '' : `; ${owners.join(', ')} uses it, too: its lock is held meanwhile`;
  return given
    ? `as ${option} says${also}`
    : `not carried out without ${option} ${shellWord(directory)}: only the database's own files name it${also}`;
}

/** Objects of the application that are shown without --verbose. */
const OBJECTS = 20;

function* objectsText({ objects = [] }: PlanReport, settings: RenderSettings): Iterable<string> {
  const { palette, width, verbose } = settings;
  const colour = { rebuild: palette.warning, leave: palette.error, drop: palette.warning };
  if (objects.length > 0) yield `\n${palette.strong('What becomes of keys')}\n`;
  for (const { action, detail, facts } of objects.slice(0, verbose ? objects.length : OBJECTS)) {
    const { key, namespace, slot, type, ...counts } = facts;
    const named = {
      ...(key && { key }),
      ...(namespace && { namespace }),
      ...(slot !== undefined && { slot }),
      ...(type && { type }),
    };
    const shown = key === undefined ? counts : named;
    yield `  ${colour[action](action.padEnd(8))}${fieldsText(shown)}\n`;
    yield `${paragraph(printable(detail), width, '          ')}\n`;
  }
  const more = objects.length - (verbose ? objects.length : OBJECTS);
  if (more > 0) yield `  and ${grouped(more)} more; --verbose shows them\n`;
}

function stepText(step: PlanStepReport, { palette, width }: RenderSettings): string {
  const { action, size, newSize = 0, why, changes } = step;
  // what is made anew is whole, and begins where a file begins
  const isNew = changes.some(({ kind }) => kind === 'create-file');
  const to = counted(newSize, 'byte');
  const sizes =
    action === 'remove' ? byteSize(size) : isNew || size === newSize ? to : `${grouped(size)} to ${to}`;
  const verb = action === 'remove' ? palette.error('remove') : palette.warning(isNew ? 'create' : 'change');
  const lines = [
    `  ${verb}  ${printable(fileOf(step))}, ${sizes}`,
    paragraph(printable(`because ${why}`), width, '          '),
    ...changes
      .filter(({ kind }) => kind !== 'remove-file')
      .map(({ kind, offset, length, detail, bytes }) => {
        if (kind === 'create-file') return paragraph(printable(detail), width, '          ');
        const how = bytes && `${bytesText(bytes.was)} becomes ${bytesText(bytes.becomes)}: `;
        const range = `${kind} at ${offsetText(offset)}, ${counted(length, 'byte')}: ${how ?? ''}${detail}`;
        return paragraph(printable(range), width, '          ');
      }),
  ];
  return `${lines.join('\n')}\n`;
}

/** `opens in every mode, last sequence 160`. */
function resultText(result: readonly RecoveryReport[]): string {
  const open = result.filter(({ opens }) => opens);
  const sequences = [...new Set(open.flatMap(({ lastSequence = [] }) => lastSequence))].join(', ');
  const closed = result.filter(({ opens }) => !opens);
  const all = closed.length === 0 ? 'every mode' : open.map(({ mode }) => mode).join(', ');
  const refusals = closed.map(({ mode, error }) => `; ${mode} refuses: ${error}`).join('');
  return `opens in ${all}${sequences === '' ? '' : `, last sequence ${sequences}`}${refusals}`;
}
