import { execFileSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { run } from '../../src/cli/run.js';
import { fakeHost } from '../cli/host.js';

/** A command that was typed, and what came of it. */
export interface Step {
  line: string;
  status: number;
  text: string;
  /** What of it went to standard output. */
  out: string;
  /** Commands that it printed, in order. */
  printed: Printed[];
  /** What it printed as worth a look besides, typed. */
  beside: Step[];
}

export interface Printed {
  label: string;
  line: string;
}

/** Names in capitals that a person fills in: `kvdoctor compare MASTER REPLICA`. */
const isTemplate = (line: string) => / [A-Z]{2,}\b/.test(line.replaceAll(/'[^']*'|\/\S*/g, ''));

/** The words of a command line as a shell parts them; none of ours uses more than single quotes. */
export function shellWords(line: string): string[] {
  const words = [...line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)].map(([word]) => word);
  return words.map((word) =>
    word.replaceAll(/'([^']*)'|\\(.)/g, (_, quoted?: string, one?: string) => quoted ?? one ?? ''),
  );
}

/** Lines that hold a command and nothing else, whatever labels them. */
export function printedCommands(text: string): Printed[] {
  return [...text.matchAll(/^ *(next|also)? +((?:kvdoctor|mkdir|mv|cp|chown) .+)$/gm)].map(
    ([, label = '', line]) => ({
      label,
      line,
    }),
  );
}

/** Types a command at a terminal of 80 columns, or of others, with yes as the answer to what it asks. */
export async function typed(line: string, columns = 80): Promise<Step> {
  const [moves, scan] = line.split(/ && (?=kvdoctor )/);
  const [program, ...argv] = shellWords(scan ?? moves);
  if (!moves.startsWith('kvdoctor ')) execFileSync('sh', ['-c', moves]);
  if (program !== 'kvdoctor') return { line, status: 0, text: '', out: '', printed: [], beside: [] };
  const host = fakeHost({ terminal: true, columns, answer: 'y', env: { NO_COLOR: '1' } });
  const status = await run(argv, host);
  const text = stripVTControlCharacters(`${host.out()}\n${host.err()}`);
  return {
    line,
    status,
    text,
    out: stripVTControlCharacters(host.out()),
    printed: printedCommands(text),
    beside: [],
  };
}

/**
 * From a scan on, what every screen says is next, in the order in which it is printed, until a screen names nothing that was
 * not typed before.
 */
export async function journey(first: string, { longest = 12, columns = 80 } = {}): Promise<Step[]> {
  const steps: Step[] = [];
  let queue = [first];
  while (queue.length > 0 && steps.length < longest) {
    const line = queue.shift()!;
    const step = await typed(line, columns);
    steps.push(step);
    // what only looks is looked at where it is printed: afterwards the directory is another one
    for (const { label, line: beside } of step.printed)
      if (label === 'also' && /^kvdoctor (?:scan|simulate) /.test(beside))
        step.beside.push(await typed(beside));
    // `also` is beside the way; a journal is undone by who wants to
    const onward = step.printed.filter(
      ({ label, line }) => label !== 'also' && !line.startsWith('kvdoctor undo') && !isTemplate(line),
    );
    const after = onward.findLastIndex(({ label }) => label === 'next');
    const service = onward.slice(0, after + 1).filter(({ label }) => label === '');
    if (step.line.startsWith('kvdoctor')) {
      // of several findings the verdict's command comes last, and it is the one
      const next = after < 0 ? [] : [onward[after]];
      queue = [...service, ...next].map(({ line }) => line);
    }
  }
  return steps;
}

/** What is wrong with the way from a scan to the end; nothing where it leads somewhere. */
export async function faultsOf(steps: readonly Step[]): Promise<string[]> {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { line, status, text, printed } of steps) {
    if (status === 2) faults.push(`usage: ${line}\n${text}`);
    const asScan = line.startsWith('kvdoctor scan') && seen.size > 0;
    if (seen.has(line) && !asScan) faults.push(`circle: ${line}`);
    // what a repair has made is another database
    if (line.startsWith('kvdoctor repair') && status === 0 && !line.includes('--dry-run')) seen.clear();
    seen.add(line);
    for (const each of printed)
      if (shellWords(each.line).some((word) => word.startsWith("'"))) faults.push(`cut: ${each.line}`);
  }
  const last = steps.at(-1)!;
  const names = steps.map(({ line }) => line.split(' ')[1]);
  // damage is not ended by a look at it
  const looked = ['explain', 'simulate'].includes(names.at(-1)!) && steps[0].status === 1;
  // what cannot be checked is not damaged
  const unchecked = last.status === 3 && /Incomplete: no error found/.test(last.text);
  const ended =
    unchecked || (last.status === 0 && !looked) || names.includes('repair') || names.includes('export');
  // an export that wrote nothing leads nowhere
  const { line: lastLine, text: said, status: left } = last;
  if (lastLine.startsWith('kvdoctor export') && left === 3 && /^kvdoctor: /m.test(said))
    faults.push(`dead end: ${lastLine}\n${said}`);
  const toFillIn = last.printed.some(({ line }) => isTemplate(line));
  const inWords = steps.some(({ text }) =>
    /This is a copy|Nothing is to be repaired|restore a backup/i.test(text),
  );
  if (!ended && !inWords && !toFillIn)
    faults.push(`dead end: ${steps.map(({ line }) => line).join(' -> ')}\n${last.text}`);
  for (const { line, status, text } of steps.flatMap(({ beside }) => beside))
    if (status === 2) faults.push(`usage: ${line}\n${text}`);
  for (const { line } of steps.flatMap(({ printed }) => printed.filter(({ label }) => label === 'also'))) {
    if (steps.some(({ beside }) => beside.some((typed) => typed.line === line))) continue;
    const { status, text } = await typed(line);
    if (status === 2) faults.push(`usage: ${line}\n${text}`);
  }
  return faults;
}
