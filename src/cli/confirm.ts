import { createInterface } from 'node:readline/promises';
import { printable } from '../report/printable.js';
import type { Host } from './host.js';
import { show } from './say.js';

/** Whether somebody can be asked: a person types, and sees the question. */
export function canAsk({ stdin, stderr }: Host): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks on standard error; anything but yes is no, and so are the end of the input and Ctrl-C. */
export async function confirm(
  question: string,
  { stdin, stderr }: Host,
  signal?: AbortSignal,
): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr });
  let answered = false;
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([
      lines.question(`${printable(question)} [y/N] `, { ...(signal && { signal }) }).then((typed) => {
        answered = true;
        return typed;
      }),
      ended,
    ]);
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
    // what comes next has a line of its own
    if (!answered) show({ stderr }, ['\n']);
    stdin.destroy();
  }
}
