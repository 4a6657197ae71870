import type { Rule } from '../rule.js';

export const directoryRules = {} as const satisfies Record<`directory/${string}`, Rule>;
