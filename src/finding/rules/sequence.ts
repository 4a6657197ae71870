import type { Rule } from '../rule.js';

export const sequenceRules = {} as const satisfies Record<`sequence/${string}`, Rule>;
