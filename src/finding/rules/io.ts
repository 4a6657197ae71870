import type { Rule } from '../rule.js';

export const ioRules = {
  'io/unreadable-range': {
    severity: 'error',
    title: 'The disk does not give back a range of a file',
    meaning:
      'Reading failed with an input/output error, sector by sector, again. The engine fails on it as it would on damage. The ' +
      'rest of the file has been checked.',
    origin:
      'A failing disk, controller or cable; a degraded array; a block that a checksumming file system rejects.',
    action:
      'Look at dmesg and smartctl now, and copy the directory to another disk (ddrescue tries harder than cp) before anything ' +
      'else. Repair the copy.',
  },
} as const satisfies Record<`io/${string}`, Rule>;
