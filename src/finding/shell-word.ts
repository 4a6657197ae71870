/** A word of a command that a person is to copy into a shell: quoted where the shell would take it apart. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** One line that gives files other names and then looks at them again. */
export function renameAndScan(
  scan: string,
  ...renamed: readonly (readonly [from: string, to: string])[]
): string {
  const moves = renamed.map(([from, to]) => `mv ${shellWord(from)} ${shellWord(to)}`);
  return [...moves, scan].join(' && ');
}

/** The command that looks at a directory. */
export function scanOf(target: string): string {
  return `kvdoctor scan ${shellWord(target)}`;
}
