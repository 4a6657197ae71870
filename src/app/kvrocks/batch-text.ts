import { keyBytes } from '../../finding/evidence.js';
import type { BatchOp } from '../../format/batch/batch.js';
import type { BatchWords } from '../profile.js';
import { redisCommand } from '../redis/word.js';
import { commandsOf, type KvrocksCommand } from './commands.js';
import type { KvrocksLayout } from './layout.js';

/** Bytes of a word in a line, and of one for programs. */
const SHOWN = 60;
const KEPT = 1024;
/** Words of a command in a line, and for programs. */
const WORDS_SHOWN = 12;
const WORDS_KEPT = 100;

/** A batch as the Redis commands that it is the work of. */
export function kvrocksBatchText(ops: readonly BatchOp[], layout: KvrocksLayout): BatchWords | undefined {
  const commands = commandsOf(ops, layout);
  return {
    lines: commands.map(commandLine),
    data: commands.map(commandData),
    kinds: commands.map(({ words }) => Buffer.from(words[0]).toString('latin1')),
  };
}

/** A command as it would be typed, `…` where some of it is not known or not shown. */
function commandLine({ words, exact, namespace }: KvrocksCommand): string {
  const more = words.length - WORDS_SHOWN;
  const rest = more > 0 ? ` … (${more} more words)` : exact ? '' : ' …';
  const place = namespace === undefined ? '' : ` (namespace ${JSON.stringify(namespace)})`;
  return `${redisCommand(words.slice(0, WORDS_SHOWN), SHOWN)}${rest}${place}`;
}

function commandData({ words, exact, namespace, operations, offset }: KvrocksCommand) {
  const [name, key, ...rest] = words;
  return {
    command: Buffer.from(name).toString('latin1'),
    ...(key && { key: keyBytes(key) }),
    ...(rest.length > 0 && { arguments: rest.slice(0, WORDS_KEPT).map(argument) }),
    ...(rest.length > WORDS_KEPT && { argumentsLeftOut: rest.length - WORDS_KEPT }),
    exact,
    ...(namespace !== undefined && { namespace: keyBytes(Buffer.from(namespace)) }),
    operations,
    batchOffset: offset,
  };
}

/** Bytes that were written are a value, in every argument. */
function argument(word: Uint8Array) {
  const value = keyBytes(word.subarray(0, KEPT));
  return word.length > KEPT ? { value, cutFrom: word.length } : { value };
}
