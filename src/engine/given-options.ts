import { shellWord } from '../finding/shell-word.js';
import type { Database, DatabaseRequest } from './database.js';

/** Options that say where the files lie and which engine reads them, as they were given: a further command needs them, too. */
export function givenOptions({ walDir, dbPaths = [], engineVersion, store = {} }: DatabaseRequest): string[] {
  return [
    ...dbPaths.map((directory) => `--db-path ${shellWord(directory)}`),
    ...(walDir === undefined ? [] : [`--wal-dir ${shellWord(walDir)}`]),
    ...(store.endpoint === undefined ? [] : [`--endpoint-url ${shellWord(store.endpoint)}`]),
    ...(store.pathStyle ? ['--path-style'] : []),
    ...(store.requesterPays ? ['--request-payer'] : []),
    ...(engineVersion === undefined ? [] : [`--engine-version ${shellWord(engineVersion)}`]),
  ];
}

/** What to type for a command on a database, with what was given. `words`: its name and its own options. */
export function commandOn({ target, request }: Pick<Database, 'target' | 'request'>, words: string): string {
  return ['kvdoctor', words, ...givenOptions(request), shellWord(target)].join(' ');
}
