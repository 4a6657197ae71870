import type { Rule } from '../rule.js';

export const engineRules = {
  'engine/newer-release': {
    severity: 'note',
    title: 'The database was written by a release that kvdoctor does not know',
    meaning:
      'OPTIONS states a newer release than the formats and behaviour that this version of kvdoctor was checked against. What ' +
      'it finds is still worth looking at; what it does not know it says.',
    origin: 'The engine was upgraded since this version of kvdoctor was released.',
    action: 'Look for a newer kvdoctor before repairing.',
  },
} as const satisfies Record<`engine/${string}`, Rule>;
