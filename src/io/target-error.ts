/** Why a target cannot be looked at, in words for a person. */
type TargetErrorKind = 'not-found' | 'no-permission' | 'not-a-directory' | 'unreadable';

const kinds: Record<string, TargetErrorKind> = {
  ENOENT: 'not-found',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  ENOTDIR: 'not-a-directory',
};

const words: Record<TargetErrorKind, string> = {
  'not-found': 'does not exist',
  'no-permission': 'may not be read by this user',
  'not-a-directory': 'is not a directory',
  unreadable: 'cannot be read',
};

/** A directory or file that was named by the user, or by OPTIONS, and cannot be opened. */
export class TargetError extends Error {
  override readonly name = 'TargetError';

  constructor(
    readonly kind: TargetErrorKind,
    readonly path: string,
    /** The system's code, `EACCES`. */
    readonly code: string | undefined,
  ) {
    const detail = kind === 'unreadable' && code !== undefined ? ` (${code})` : '';
    super(`${path} ${words[kind]}${detail}`);
  }

  /** From what a file system call was rejected with. */
  static from(error: unknown, path: string): TargetError {
    if (error instanceof TargetError) return error;
    const { code } = error as NodeJS.ErrnoException;
    return new TargetError(kinds[code ?? ''] ?? 'unreadable', path, code);
  }
}

/** The code of an operating system error (`ENOENT`), if it is one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}
