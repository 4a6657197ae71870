import { applicationSymptoms } from './knowledge/applications.js';
import { kvrocksSymptoms } from './knowledge/kvrocks.js';
import { manifestSymptoms } from './knowledge/manifest.js';
import { restateMilestones, restateSymptoms } from './knowledge/restate.js';
import { systemSymptoms } from './knowledge/system.js';
import { tableSymptoms } from './knowledge/table.js';
import { walSymptoms } from './knowledge/wal.js';
import type { Milestone, Symptom } from './symptom.js';

/** What servers say when their store is damaged, or seems to be. */
export const symptoms: readonly Symptom[] = [
  ...walSymptoms,
  ...tableSymptoms,
  ...manifestSymptoms,
  ...systemSymptoms,
  ...kvrocksSymptoms,
  ...restateSymptoms,
  ...applicationSymptoms,
];

export const milestones: readonly Milestone[] = restateMilestones;

/** For a line that speaks of corruption in words that nothing above knows. */
export const unknownCorruption: Symptom = {
  id: 'unknown-corruption',
  // not the names of RocksDB's counters, which every dump of its statistics lists
  pattern: /(?<!\brocksdb\.[\w.]*)\bcorrupt(ion|ed)?\b/i,
  anchors: ['corrupt'],
  severity: 'warning',
  unknown: true,
  meaning: 'The line speaks of corruption in words that are not known here.',
  look: 'the files that the line names',
  causes: [],
  action: 'A scan finds what is wrong without the message.',
  next: ['kvdoctor scan {dir}'],
  references: [],
};
