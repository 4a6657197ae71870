import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';

/** The user who may reach a file that this one may not: the owner of the first thing on its path that can be looked at. */
function userFor(file: string): string | undefined {
  try {
    const { uid } = statSync(file);
    return uid === ownUid() ? undefined : nameOf(uid);
  } catch {
    const parent = path.dirname(path.resolve(file));
    return parent === path.resolve(file) ? undefined : userFor(parent);
  }
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
  const user = userFor(file);
  return user === undefined
    ? undefined
    : `It belongs to user ${user}: repeat the command as that user or as root (sudo -u '${user}' …)`;
}
