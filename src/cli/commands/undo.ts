import type { Command } from 'commander';
import type { Undone } from '../../repair/undo-repair.js';
import { printable } from '../../report/printable.js';
import { several } from '../choices.js';
import { canAsk, confirm } from '../confirm.js';
import { ExitStatus } from '../exit-status.js';
import type { Host } from '../host.js';
import { endSoon, watchInterrupt } from '../interrupt.js';
import { refusalOf } from '../refusal.js';
import { streamSink } from '../sink.js';

const examples = `
Examples:
  kvdoctor undo /var/lib/app/db.kvdoctor-undo-20260401T031500.123Z
  kvdoctor undo /backup/journal /var/lib/app/db     a journal that does not lie beside the directory

The originals are verified before anything is put back. Every file that the repair changed becomes what it was, byte for byte; a file that something else has changed since then
is not touched, and nothing else is either. Exit status: 0 undone, now or before; 2 usage; 4 in use by a live process;
5 refused; 130 declined, or interrupted: then stderr says what was done and what goes on.`;

interface UndoFlags {
  walDir?: string;
  dbPath?: string[];
  stopped?: boolean;
  yes?: boolean;
}

/** What an undo came to, for a person. */
function outcomeText({ target, outcome, files }: Undone, journal: string): string {
  const count = files === 1 ? '1 file is' : `${files} files are`;
  const texts = {
    undone: `${target}: ${count} as before the repair. The journal can be removed: ${journal}`,
    'was-undone': `${target}: this repair was undone before; nothing was changed.`,
    'nothing-was-changed': `${target}: the repair had not changed anything; what it had put aside was removed.`,
    declined: `${target}: nothing was changed.`,
  };
  return texts[outcome];
}

function endingText(changing: boolean): string {
  return changing
    ? 'files are being put back; what is not done in a moment is left, and the same command goes on'
    : 'ending; nothing was changed; Ctrl-C again to stop at once';
}

/** Adds `kvdoctor undo` to the program. */
export function addUndo(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('undo')
    .description('put back what a repair in place has changed')
    .argument('<journal>', 'the undo journal that the repair named')
    .argument('[dir]', 'the directory that was repaired, where the journal does not lie beside it')
    .option('--wal-dir <dir>', 'where the repair changed WALs outside the directory')
    .option('--db-path <dir>', 'another place outside that the repair changed; several times', several)
    .option('--yes', 'do not ask')
    .option('--stopped', 'the server is stopped and stays so (where its lock cannot be held)')
    .addHelpText('after', examples)
    .action(async (journal: string, target: string | undefined, flags: UndoFlags) => {
      const { undoRepair } = await import('../../repair/undo-repair.js');
      const { walDir, dbPath = [], stopped = false } = flags;
      const ask = !flags.yes && canAsk(host);
      let changing = false;
      const interrupt = watchInterrupt(host, () => endingText(changing));
      endSoon(host, interrupt.signal, () =>
        changing
          ? 'stopped while files were put back: an engine refuses the directory, or sees it as it was, until the same command goes on'
          : undefined,
      );
      try {
        const undone = await undoRepair(journal, {
          ...(target !== undefined && { target }),
          roots: [...(walDir === undefined ? [] : [walDir]), ...dbPath],
          stopped,
          signal: interrupt.signal,
          onCommit: () => {
            changing = true;
          },
          ...(ask && {
            confirm: ({ target, files }) =>
              confirm(
                `Put back ${files.map(printable).join(', ')} in ${printable(target)}?`,
                host,
                interrupt.signal,
              ),
          }),
        });
        const sink = streamSink(host.stdout);
        await sink.write(`${printable(outcomeText(undone, journal))}\n`);
        await sink.close();
        done(undone.outcome === 'declined' ? ExitStatus.interrupted : ExitStatus.ok);
      } catch (error) {
        throw refusalOf(error, 'undo', journal);
      } finally {
        interrupt.release();
      }
    });
}
