import type { Command } from 'commander';
import { ExitStatus } from '../exit-status.js';
import type { Host } from '../host.js';
import { refusalOf } from '../refusal.js';
import { streamSink } from '../sink.js';

const examples = `
Example:
  kvdoctor undo /var/lib/app/db.kvdoctor-undo-20260401T031500Z

Every file that the repair changed becomes what it was, byte for byte; a file that something else has changed since then
is not touched, and nothing else is either. Exit status: 0 undone, now or before; 2 usage; 4 in use by a live process;
5 refused.`;

/** Adds `kvdoctor undo` to the program. */
export function addUndo(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('undo')
    .description('put back what a repair in place has changed')
    .argument('<journal>', 'the undo journal that the repair named')
    .option('--stopped', 'the server is stopped and stays so (where its lock cannot be held)')
    .addHelpText('after', examples)
    .action(async (journal: string, { stopped = false }: { stopped?: boolean }) => {
      const { undoRepair } = await import('../../repair/undo-repair.js');
      try {
        const { target, outcome, files } = await undoRepair(journal, { stopped });
        const count = files === 1 ? '1 file is' : `${files} files are`;
        const said = {
          undone: `${target}: ${count} as before the repair. The journal can be removed: ${journal}`,
          'was-undone': `${target}: this repair was undone before; nothing was changed.`,
          'nothing-was-changed': `${target}: the repair had not changed anything; what it had put aside was removed.`,
        };
        const sink = streamSink(host.stdout);
        await sink.write(`${said[outcome]}\n`);
        await sink.close();
        done(ExitStatus.ok);
      } catch (error) {
        throw refusalOf(error, 'undo', journal);
      }
    });
}
