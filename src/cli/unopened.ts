import { ProfileMismatch } from '../app/profile-choice.js';
import { permissionHint } from '../io/file-user.js';
import { isObjectAddress } from '../io/objects/address.js';
import { systemCode, TargetError } from '../io/target-error.js';
import { printable } from '../report/printable.js';
import type { TargetReport } from '../report/report.js';
import { Failure, systemText } from './failure.js';

/** A target that cannot be opened at all stands in the report too, so that the others are still reported. */
function unopened(path: string, reason: string): TargetReport {
  return {
    path,
    kind: 'database',
    engine: { name: 'unknown' },
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [],
    findings: [],
    unchecked: [{ file: '.', reason }],
    bytesRead: 0,
  };
}

/** An application was named that did not write this. */
export function profileFailure({ message, columnFamilies }: ProfileMismatch): Failure {
  const families =
    columnFamilies.length > 0 ? columnFamilies.slice(0, 12).join(', ') : 'none that can be read';
  return new Failure(printable(message), undefined, `Its column families: ${printable(families)}.`);
}

const notThere = new Set(['ENOENT', 'ENOTDIR']);

/**
 * What becomes of a target that cannot be opened: a name that is not there is a mistake on the command line, unless it is one
 * of several; what may not be read is an incomplete check. Anything but the system's errors is a fault of our own.
 */
export function refuseTarget(command: string, path: string, error: unknown, alone: boolean): TargetReport {
  if (error instanceof ProfileMismatch) throw profileFailure(error);
  const code = systemCode(error);
  const at = error instanceof TargetError ? error.path : path;
  if (code === undefined && !(error instanceof TargetError)) throw error;
  if (alone && code !== undefined && notThere.has(code)) {
    const what = isObjectAddress(at) ? 'the prefix of a database' : 'the database directory';
    throw new Failure(
      `${at}: ${systemText(error)}`,
      undefined,
      `Name ${what}: kvdoctor ${command} ${isObjectAddress(at) ? 's3://BUCKET/PREFIX' : 'DIR'}.`,
    );
  }
  // a file of the target that was wanted whole
  const file = (error as NodeJS.ErrnoException).path ?? at;
  const hint = code === 'EACCES' || code === 'EPERM' ? permissionHint(file) : undefined;
  const reason = `${systemText(error)}${hint === undefined ? '' : `. ${hint}`}`;
  return unopened(path, file === path ? reason : `${file}: ${reason}`);
}
