import type { RedisReplies } from '../app/redis/replies.js';
import type { Database } from '../engine/database.js';
import { decodeBatch, isCut } from '../format/batch/decode.js';
import { loggedBatches } from '../recovery/logged-batches.js';
import { effectId, effectsOfCommand } from './effects.js';

/** A command that a batch of a log is the work of, on a key that was asked for. */
export interface LoggedCommand {
  sequence: bigint;
  file: string;
  /** Byte offset of its record. */
  offset: number;
  /** Of its effects, see effects.ts. */
  effects: ReadonlySet<string>;
}

/** What the logs hold of some keys, archived logs too. */
export interface LoggedKeys {
  /** In the order of the logs. */
  byKey: ReadonlyMap<string, readonly LoggedCommand[]>;
  /** Sequences that the logs span; absent without a batch in them. */
  span?: { first: bigint; last: bigint };
  /** The last sequence before each hole in the logs, and the first after it. */
  holes: { from: bigint; to: bigint }[];
  /** More was found than is kept: what is missing proves nothing. */
  cut: boolean;
}

/** Commands that are kept: some 300 bytes each. */
const MOST = 500_000;

/** How a key of a namespace is looked up. */
export function keyName(namespace: string, key: Uint8Array): string {
  return `${namespace} ${Buffer.from(key).toString('latin1')}`;
}

/** Walks all logs once, for commands on keys whose `keyName` is wanted. */
export async function loggedKeys(
  database: Database,
  replies: RedisReplies,
  wanted: ReadonlySet<string>,
): Promise<LoggedKeys> {
  const byKey = new Map<string, LoggedCommand[]>();
  const result: LoggedKeys = { byKey, holes: [], cut: false };
  let kept = 0;
  for await (const { sequence, count, bytes, file, offset } of loggedBatches(database)) {
    if (count > 0) follow(result, sequence, sequence + BigInt(count) - 1n);
    const batch = decodeBatch(bytes);
    if (isCut(batch)) result.cut = true;
    for (const { words, namespace = replies.defaultNamespace } of replies.commandsOf(batch.ops)) {
      for (const { key, effects } of effectsOfCommand(words)) {
        const name = keyName(namespace, key);
        if (!wanted.has(name)) continue;
        if (kept >= MOST) {
          result.cut = true;
          continue;
        }
        kept++;
        const commands = byKey.get(name) ?? [];
        byKey.set(name, commands);
        commands.push({ sequence, file, offset, effects: new Set(effects.map(effectId)) });
      }
    }
  }
  return result;
}

function follow(result: LoggedKeys, first: bigint, last: bigint): void {
  const { span, holes } = result;
  if (span === undefined) {
    result.span = { first, last };
    return;
  }
  if (first > span.last + 1n) holes.push({ from: span.last, to: first });
  if (last > span.last) span.last = last;
}
