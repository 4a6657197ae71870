import { realpath } from 'node:fs/promises';
import { shellWord } from '../finding/shell-word.js';
import { isWithin, realPlace } from '../io/real-place.js';
import { type Journal, liesBeside } from './journal.js';

/**
 * The command that undoes a repair by its journal. It names the directory where the journal does not lie beside it, and every
 * place outside of it that the repair changes.
 */
export async function undoCommand(
  directory: string,
  { target, entries }: Pick<Journal, 'target' | 'entries'>,
): Promise<string> {
  const words = ['kvdoctor', 'undo', directory];
  const real = await realpath(target);
  if (!(await liesBeside(directory, real))) words.push(target);
  const roots = new Set(entries.flatMap(({ root }) => (root === undefined ? [] : [root])));
  for (const root of roots) {
    if (isWithin(real, await realPlace(root))) continue;
    const logsOnly = entries.every((entry) => entry.root !== root || entry.path.endsWith('.log'));
    words.push(logsOnly ? '--wal-dir' : '--db-path', root);
  }
  return words.map(shellWord).join(' ');
}
