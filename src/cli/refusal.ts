import { ProfileMismatch } from '../app/profile-choice.js';
import { permissionHint } from '../io/file-user.js';
import { Interrupted } from '../io/interruption.js';
import { systemCode, TargetError } from '../io/target-error.js';
import { Refusal } from '../repair/refusal.js';
import { ExitStatus } from './exit-status.js';
import { Failure, systemText } from './failure.js';
import { profileFailure } from './unopened.js';

const statuses = {
  refused: ExitStatus.repairRefused,
  'no-room': ExitStatus.repairRefused,
  'in-use': ExitStatus.inUse,
  usage: ExitStatus.usage,
  incomplete: ExitStatus.incomplete,
  unfinished: ExitStatus.repairRefused,
} as const satisfies Record<Refusal['kind'], number>;

/** What a repair or an undo was rejected with, as it ends the command; anything unexpected stays what it is. */
export function refusalOf(error: unknown, command: string, path: string): unknown {
  if (error instanceof Refusal) {
    const next =
      error.next === undefined ? undefined : `${error.next[0].toUpperCase()}${error.next.slice(1)}.`;
    return new Failure(error.message, statuses[error.kind], next, error.command);
  }
  if (error instanceof ProfileMismatch) return profileFailure(error);
  if (error instanceof Interrupted) return new Failure(error.message, ExitStatus.interrupted);
  const code = systemCode(error);
  if (error instanceof TargetError && error.kind === 'no-permission')
    return new Failure(
      `${error.path}: ${systemText(error)}`,
      ExitStatus.incomplete,
      permissionHint(error.path),
    );
  if (error instanceof TargetError || code === 'ENOENT' || code === 'ENOTDIR') {
    const at = error instanceof TargetError ? error.path : path;
    return new Failure(
      `${at}: ${systemText(error)}`,
      ExitStatus.usage,
      `Name the directory: kvdoctor ${command} DIR.`,
    );
  }
  return error;
}
