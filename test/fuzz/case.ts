import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { applyPatches } from '../support/patch.js';
import { inRepository } from '../support/repository.js';
import { fuzzBase } from './bases.js';
import { exercise, type Outcome } from './exercise.js';

/** A failure written down: a base, patches, the command that failed over it (fixtures/fuzz). */
export interface FuzzCase {
  /** What was wrong when it was found. */
  about: string;
  base: string;
  command: string;
  patches: string[];
  /** The scan must find something: a byte under a checksum differs. */
  mustNotice?: boolean;
}

const folder = inRepository('fixtures/fuzz');

/** Runs a case: what is wrong with how kvdoctor takes it, if anything is. */
export async function runCase({ base, patches, command, mustNotice }: FuzzCase): Promise<Outcome> {
  const { files } = await fuzzBase(base);
  const outcome = await exercise(await applyPatches(files, patches), command);
  if (outcome.problem === undefined && mustNotice && outcome.status === 0)
    return { ...outcome, problem: 'notices nothing, although a byte under a checksum differs' };
  return outcome;
}

export function caseText({ about, base, command, patches, mustNotice }: FuzzCase): string {
  const lines = about.split('\n').map((line) => `# ${line}`.trimEnd());
  return `${[...lines, `base ${base}`, `${mustNotice ? 'notice' : 'run'} ${command}`, '', ...patches].join('\n')}\n`;
}

/** Writes a case down under a name that its content gives. */
export function keepCase(each: FuzzCase): string {
  const { base, command, patches } = each;
  const id = createHash('sha256')
    .update(JSON.stringify([base, command, patches]))
    .digest('hex')
    .slice(0, 8);
  const file = path.join(folder, `${command.split(' ')[0]}-${id}.txt`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(file, caseText(each));
  return path.relative(inRepository(), file);
}

/** All cases that were written down. */
export function keptCases(): (FuzzCase & { name: string })[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => {
      const found: FuzzCase & { name: string } = {
        name: name.slice(0, -4),
        about: '',
        base: '',
        command: '',
        patches: [],
      };
      for (const line of fs.readFileSync(path.join(folder, name), 'utf8').split('\n')) {
        const [, word, rest] = /^(\S+) ?(.*)$/.exec(line) ?? [];
        if (word === undefined) continue;
        if (word === '#') found.about += `${rest}\n`;
        else if (word === 'base') found.base = rest;
        else if (word === 'run' || word === 'notice') {
          found.command = rest;
          found.mustNotice = word === 'notice';
        } else found.patches.push(line);
      }
      return found;
    });
}
