import { allApplications } from '../app/applications.js';
import type { LogKnowledge, Milestone, Program, Symptom } from '../app/log-knowledge.js';
import { levelDbSymptoms } from './knowledge/leveldb.js';
import { manifestSymptoms } from './knowledge/manifest.js';
import { otherProgramSymptoms } from './knowledge/other-programs.js';
import { systemSymptoms } from './knowledge/system.js';
import { tableSymptoms } from './knowledge/table.js';
import { walSymptoms } from './knowledge/wal.js';

/** What the logs of each application's servers say. */
export const applicationLogs: readonly LogKnowledge[] = (await allApplications()).map(({ logs }) => logs);

/** What servers say when their store is damaged, or seems to be. */
export const symptoms: readonly Symptom[] = [
  ...walSymptoms,
  ...tableSymptoms,
  ...manifestSymptoms,
  ...systemSymptoms,
  ...levelDbSymptoms,
  ...applicationLogs.flatMap((logs) => logs.symptoms),
  ...otherProgramSymptoms,
];

export const milestones: readonly Milestone[] = applicationLogs.flatMap((logs) => logs.milestones ?? []);

/** Programs that show themselves in logs. */
export const programs: readonly Program[] = [
  ...applicationLogs.map(({ program }) => program),
  { name: 'RocksDB', pattern: /RocksDB version: (\d+(?:\.\d+)*)/i, anchors: ['rocksdb version:'] },
];

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
