import type { Effect } from '../app/redis/effect.js';
import { effectId, outcomeOf } from './effects.js';
import type { Acknowledged } from './pair.js';
import { textOf } from './streams.js';

/** What an acknowledged command should have left under one key. */
export interface Expectation {
  write: Acknowledged;
  namespace: string;
  /** Absent where it cannot be told what the command did. */
  key?: Uint8Array;
  effects: readonly Effect[];
  /** Their ids, see effects.ts. */
  ids: ReadonlySet<string>;
  changed: number;
  /** It may have changed nothing, because all was so before. */
  idle: boolean;
  undecided?: string;
}

/** In the order of the capture; a command that changes several keys comes once for each. */
export function expectationsOf(
  acknowledged: readonly Acknowledged[],
  namespaceOf: (token: string) => string,
): Expectation[] {
  let namespace = namespaceOf('');
  const expectations: Expectation[] = [];
  for (const write of acknowledged) {
    const { request, reply } = write;
    if (request.name === 'AUTH') {
      if (textOf(reply) === 'OK')
        namespace = namespaceOf(Buffer.from(request.words.at(-1)!).toString('utf8'));
      continue;
    }
    const outcome = outcomeOf(request.words, reply);
    if ('undecided' in outcome) {
      expectations.push({
        write,
        namespace,
        effects: [],
        ids: new Set(),
        changed: 0,
        idle: true,
        ...outcome,
      });
      continue;
    }
    for (const each of outcome.keys) {
      const ids = new Set(each.effects.map(effectId));
      expectations.push({ write, namespace, idle: false, ...each, ids });
    }
  }
  return expectations;
}
