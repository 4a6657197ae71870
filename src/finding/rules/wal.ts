import type { Rule } from '../rule.js';

export const walRules = {} as const satisfies Record<`wal/${string}`, Rule>;
