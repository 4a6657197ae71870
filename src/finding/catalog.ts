import type { Rule } from './rule.js';
import { archiveRules } from './rules/archive.js';
import { backupRules } from './rules/backup.js';
import { batchRules } from './rules/batch.js';
import { blobRules } from './rules/blob.js';
import { continuityRules } from './rules/continuity.js';
import { directoryRules } from './rules/directory.js';
import { engineRules } from './rules/engine.js';
import { ioRules } from './rules/io.js';
import { kvrocksRules } from './rules/kvrocks.js';
import { manifestRules } from './rules/manifest.js';
import { movedRules } from './rules/moved.js';
import { objectRules } from './rules/object.js';
import { pebbleRules } from './rules/pebble.js';
import { raftEngineRules } from './rules/raft-engine.js';
import { restateRules } from './rules/restate.js';
import { sequenceRules } from './rules/sequence.js';
import { sstRules } from './rules/sst.js';
import { sstIdentityRules } from './rules/sst-identity.js';
import { sstMetaRules } from './rules/sst-meta.js';
import { stateRules } from './rules/states.js';
import { tikvRules } from './rules/tikv.js';
import { titanRules } from './rules/titan.js';
import { walRules } from './rules/wal.js';

/** Every rule that kvdoctor knows, by its id `area/what-is-wrong`. Ids are stable across versions. */
export const catalog = {
  ...directoryRules,
  ...stateRules,
  ...engineRules,
  ...ioRules,
  ...manifestRules,
  ...walRules,
  ...batchRules,
  ...sequenceRules,
  ...sstRules,
  ...sstMetaRules,
  ...sstIdentityRules,
  ...movedRules,
  ...blobRules,
  ...continuityRules,
  ...backupRules,
  ...archiveRules,
  ...objectRules,
  ...pebbleRules,
  ...raftEngineRules,
  ...titanRules,
  ...tikvRules,
  ...kvrocksRules,
  ...restateRules,
};

export type RuleId = keyof typeof catalog;

type AreaOf<Id> = Id extends `${infer Area}/${string}` ? Area : never;

/** What the rules of each area are about. */
export const areaTitles: Record<AreaOf<RuleId>, string> = {
  directory: 'The directory: files that are missing, left over or not what their name says',
  engine: 'The engine: dialects and versions',
  io: 'Reading: what the disk or the system does not give',
  manifest: 'The MANIFEST and CURRENT',
  wal: 'Write-ahead logs',
  batch: 'Write batches',
  sequence: 'Sequence numbers',
  sst: 'Tables',
  blob: 'Blob files',
  backup: 'Backups made by BackupEngine',
  archive: 'Archives: tar files that hold a database',
  object: 'Objects of a bucket, beside the checksums that the store keeps',
  'raft-engine': 'Raft logs of raft-engine',
  titan: 'Values in blob files of Titan (TiKV)',
  tikv: 'Contents of TiKV',
  kvrocks: 'Contents of Kvrocks',
  restate: 'Contents of Restate',
};

/** The description of a rule. */
export function ruleOf(id: RuleId): Rule {
  return catalog[id];
}
