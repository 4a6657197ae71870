import type { Rule } from '../rule.js';

export const sstRules = {} as const satisfies Record<`sst/${string}`, Rule>;
