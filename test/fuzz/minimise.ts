import { type FuzzCase, runCase } from './case.js';

/** Tries of a minimisation: each runs a command. */
const TRIES = 60;

/** The first line of a problem without its numbers: failures that share it are of one kind. */
export function kindOf(problem: string): string {
  return problem
    .split('\n', 1)[0]
    .replace(/0x[0-9a-f]+|\d+(\.\d+)?/g, '#')
    .slice(0, 160);
}

/** Fewer and shorter patches that fail in the same way. */
export async function minimised(found: FuzzCase): Promise<FuzzCase> {
  const kind = kindOf(found.about);
  let best = found;
  let tries = 0;
  const attempt = async (patches: string[]): Promise<boolean> => {
    if (tries++ >= TRIES) return false;
    const smaller = { ...best, patches };
    const { problem } = await runCase(smaller).catch(() => ({ problem: undefined }));
    if (problem === undefined || kindOf(problem) !== kind) return false;
    best = { ...smaller, about: problem };
    return true;
  };
  for (let at = 0; at < best.patches.length; ) if (!(await attempt(best.patches.toSpliced(at, 1)))) at++;
  for (let at = 0; at < best.patches.length; at++) {
    for (let again = true; again; ) {
      const shorter = halved(best.patches[at]);
      again = shorter !== undefined && (await attempt(best.patches.with(at, shorter)));
    }
  }
  return best;
}

/** Half the bytes that a patch writes. */
function halved(patch: string): string | undefined {
  const [, head, hex] = /^((?:write|append|insert) .*?)([0-9a-f]{4,})$/.exec(patch) ?? [];
  return hex === undefined ? undefined : head + hex.slice(0, Math.floor(hex.length / 4) * 2);
}
