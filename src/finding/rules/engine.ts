import type { Rule } from '../rule.js';

export const engineRules = {} as const satisfies Record<`engine/${string}`, Rule>;
