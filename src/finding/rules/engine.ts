import type { Rule } from '../rule.js';

export const engineRules = {
  'engine/newer-release': {
    severity: 'note',
    title: 'The database was written by a release that kvdoctor does not know',
    meaning:
      'OPTIONS states a newer release than the formats and behaviour that this version of kvdoctor was checked against. What ' +
      'it finds is still useful; where it does not know something, it says so.',
    origin: 'The engine was upgraded since this version of kvdoctor was released.',
    action: 'Look for a newer kvdoctor before repairing.',
  },
  'engine/refused-format': {
    severity: 'error',
    title: 'The release that is to open the database does not read a format in it',
    meaning:
      'A newer release wrote a table format, or a value type in the bounds of a table in the MANIFEST, that this release refuses: it does ' +
      'not open the database. Nothing is damaged.',
    origin:
      'The engine was taken back to an older release, or the database was moved to a server that runs one.',
    action:
      'Run the release that wrote it. Or export the database in a format that the older one reads: ' +
      '`kvdoctor export --for-engine VERSION --output NEW DIR`.',
    references: ['facebook/rocksdb#14101'],
  },
} as const satisfies Record<`engine/${string}`, Rule>;
