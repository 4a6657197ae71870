import { execFileSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { run } from '../../src/cli/run.js';
import { fakeHost } from '../cli/host.js';

/** A command that was typed, and what came of it. */
export interface Step {
  line: string;
  status: number;
  text: string;
  /** Commands that it printed, in order. */
  printed: Printed[];
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
  return [...text.matchAll(/^ *(next|also)? +((?:kvdoctor|mv|chown) .+)$/gm)].map(([, label = '', line]) => ({
    label,
    line,
  }));
}

/** Types a command at a terminal of 80 columns, with yes as the answer to what it asks. */
export async function typed(line: string): Promise<Step> {
  const [program, ...argv] = shellWords(line);
  if (program !== 'kvdoctor') {
    execFileSync('sh', ['-c', line]);
    return { line, status: 0, text: '', printed: [] };
  }
  const host = fakeHost({ terminal: true, answer: 'y', env: { NO_COLOR: '1' } });
  const status = await run(argv, host);
  const text = stripVTControlCharacters(`${host.out()}\n${host.err()}`);
  return { line, status, text, printed: printedCommands(text) };
}

/**
 * From a scan on, what every screen says is next, in the order in which it is printed, until a screen names nothing that was
 * not typed before.
 */
export async function journey(first: string, longest = 12): Promise<Step[]> {
  const steps: Step[] = [];
  let queue = [first];
  while (queue.length > 0 && steps.length < longest) {
    const line = queue.shift()!;
    const step = await typed(line);
    steps.push(step);
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
