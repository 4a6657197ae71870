import { StoreError } from '../io/objects/store-error.js';
import { systemCode } from '../io/target-error.js';
import { ExitStatus } from './exit-status.js';

/**
 * Something that ends a command and that a person can do something about: what is wrong, and what to type next. Shown
 * without a stack trace.
 */
export class Failure extends Error {
  constructor(
    message: string,
    /** The exit status. */
    readonly status: number = ExitStatus.usage,
    /** One sentence: what to do about it. */
    readonly hint?: string,
    /** A command to type, shown alone on its line. */
    readonly command?: string,
  ) {
    super(message);
    this.name = 'Failure';
  }
}

/** What the operating system says, in words. */
const systemMessages: Record<string, string> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EMFILE: 'too many open files',
  EIO: 'the device reports an input/output error',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
  ELOOP: 'too many symbolic links',
  EISDIR: 'it is a directory',
};

/** An operating system error as a person would say it: `permission denied (EACCES)`. */
export function systemText(error: unknown): string {
  if (error instanceof StoreError) return error.message;
  const code = systemCode(error) ?? '';
  return code in systemMessages ? `${systemMessages[code]} (${code})` : (error as Error).message;
}
