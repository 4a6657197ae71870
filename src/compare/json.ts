import { redisCommand } from '../app/redis/word.js';
import { keyBytes } from '../finding/evidence.js';
import { decodeBatch } from '../format/batch/decode.js';
import type { LoggedBatch } from '../recovery/logged-batches.js';
import { compact } from '../report/json.js';
import { toolVersion } from '../report/tool.js';
import { areDifferent, type Comparison } from './compare.js';

/** A comparison for scripts: one JSON document. */
export function comparisonJson(comparison: Comparison): string {
  const { a, b, history, contents, application, unread } = comparison;
  const batch = (each: LoggedBatch | undefined) =>
    each && {
      sequence: each.sequence,
      operations: each.count,
      file: each.file,
      offset: each.offset,
      ...(application && {
        commands: application.compare
          .commandsOf(decodeBatch(each.bytes).ops)
          .map(({ words }) => redisCommand(words)),
      }),
    };
  const value = (bytes: Uint8Array | undefined) => bytes && keyBytes(bytes);
  return `${compact({
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: toolVersion },
    ...{ a, b, different: areDifferent(comparison), unread },
    history: {
      ...history,
      first: history.first.map(({ sequence, a: left, b: right }) => ({
        sequence,
        a: batch(left),
        b: batch(right),
      })),
    },
    contents: contents && {
      ...contents,
      first: contents.first.map(({ family, key, a: left, b: right }) => ({
        ...{ family, key: keyBytes(key), a: value(left), b: value(right) },
      })),
    },
    ...(application && {
      application: application.name,
      ...application.compare.facts,
      keys: application.differences.map(({ key, commands, ...rest }) => ({
        ...rest,
        key: keyBytes(key),
        commands: commands.map((words) => redisCommand(words)),
      })),
    }),
  })}\n`;
}
