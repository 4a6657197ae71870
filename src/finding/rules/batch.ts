import type { Rule } from '../rule.js';

export const batchRules = {} as const satisfies Record<`batch/${string}`, Rule>;
