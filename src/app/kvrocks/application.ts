import type { Application, BatchDefect } from '../profile.js';
import { kvrocksLogs } from './log-knowledge.js';
import { detectKvrocks } from './profile.js';

export const kvrocks: Application = { detect: detectKvrocks, logs: kvrocksLogs, batchDefect: listRace };

/**
 * Pushes and pops of lists in one batch: EXEC and a blocked client write into it at once (apache/kvrocks#2766). Kvrocks notes a push
 * to a list as `3 6` or `3 7`, a pop as `3 3` or `3 4`.
 */
function listRace(logData: readonly string[]): BatchDefect | undefined {
  const has = (pattern: RegExp) => logData.some((text) => pattern.test(text));
  if (!has(/^3 [67]( |$)/) || !has(/^3 [34]( |$)/)) return undefined;
  return {
    detail:
      'Pushes and pops of lists in one batch: the race of EXEC with blocked clients in Kvrocks before 2.12.1',
    seeAlso: 'apache/kvrocks#2766, fixed in Kvrocks 2.12.1 (apache/kvrocks#2910)',
  };
}
