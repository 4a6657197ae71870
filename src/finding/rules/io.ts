import type { Rule } from '../rule.js';

export const ioRules = {} as const satisfies Record<`io/${string}`, Rule>;
