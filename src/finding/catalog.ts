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
import { restateRules } from './rules/restate.js';
import { sequenceRules } from './rules/sequence.js';
import { sstRules } from './rules/sst.js';
import { sstIdentityRules } from './rules/sst-identity.js';
import { sstMetaRules } from './rules/sst-meta.js';
import { stateRules } from './rules/states.js';
import { tikvRules } from './rules/tikv.js';
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
  ...tikvRules,
  ...kvrocksRules,
  ...restateRules,
};

export type RuleId = keyof typeof catalog;

/** The description of a rule. */
export function ruleOf(id: RuleId): Rule {
  return catalog[id];
}
