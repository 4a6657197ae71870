import type { Rule } from '../rule.js';

export const blobRules = {} as const satisfies Record<`blob/${string}`, Rule>;
