import type { Rule } from '../rule.js';

export const manifestRules = {} as const satisfies Record<`manifest/${string}`, Rule>;
