import { readFile } from 'node:fs/promises';

/** What Node.js puts where bytes are not UTF-8. */
const replacement = '\ufffd';

/**
 * A path from the command line as the system passed it. Node.js decodes arguments as UTF-8, which loses the bytes of a name
 * that is not: Linux still has them. Elsewhere, and for ordinary names, the path comes back as it is.
 */
export async function pathArgument(path: string): Promise<string | Buffer> {
  if (!path.includes(replacement)) return path;
  const raw = await readFile('/proc/self/cmdline').catch(() => Buffer.alloc(0));
  for (let from = 0; from < raw.length; ) {
    const end = raw.indexOf(0, from);
    const argument = raw.subarray(from, end < 0 ? raw.length : end);
    if (argument.toString('utf8') === path) return argument;
    from += argument.length + 1;
  }
  return path;
}
