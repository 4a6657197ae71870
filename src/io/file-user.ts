import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { shellWord } from '../finding/shell-word.js';
import { systemCode } from './target-error.js';

/** The user who may reach a file that this one may not: the owner of the first thing on its path that can be looked at, `place`. */
function userFor(file: string): { user: string; place: string } | undefined {
  try {
    const { uid } = statSync(file);
    return uid === ownUid() ? undefined : { user: nameOf(uid), place: file };
  } catch {
    const parent = path.dirname(path.resolve(file));
    return parent === path.resolve(file) ? undefined : userFor(parent);
  }
}

/** This user may not do what was tried with a file. */
export function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(systemCode(error) ?? '');
}

/** Why a file cannot be read that this user may not read, and who may; `undefined`: it is something else. */
export function deniedText(error: unknown): string | undefined {
  const { path: file } = error as NodeJS.ErrnoException;
  if (!isDenied(error) || file === undefined) return undefined;
  const hint = permissionHint(file);
  return `permission denied (${systemCode(error)})${hint === undefined ? '' : `. ${hint}`}`;
}

function ownUid(): number | undefined {
  try {
    return userInfo().uid;
  } catch {
    // a container's user may have no name
    return undefined;
  }
}

/** `kvrocks`, or `#999` as sudo takes it where no name is known. */
function nameOf(uid: number): string {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , id] = line.split(':');
      if (id === String(uid)) return name;
    }
  } catch {
    // a container may have none
  }
  return `#${uid}`;
}

/** What to do about a file that may not be read or written; nothing where another user would not help. */
export function permissionHint(file: string): string | undefined {
  const found = userFor(file);
  if (found === undefined) return undefined;
  const { user, place } = found;
  const whose = `${place === file ? 'It' : place} belongs to user ${user}`;
  return user === 'root'
    ? `${whose}: repeat the command as root (sudo …)`
    : `${whose}: repeat the command as that user or as root (sudo -u ${shellWord(user)} …)`;
}
