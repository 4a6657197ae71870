import { BeyondLimit } from '../../bytes/beyond-limit.js';
import type { WalFacts } from '../../check/unit.js';
import { liveWals } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { databaseView } from '../../recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../../recovery/open.js';
import type { FileOutcome } from '../run.js';
import type { BackupView } from './view.js';

/**
 * Holds the sequence number that a meta file records, which the database had reached before the first file was copied, against
 * what MANIFEST, tables and WALs of the backup reach. Silent where that cannot be told.
 */
export async function checkReached(view: BackupView, outcomes: readonly FileOutcome[]): Promise<Finding[]> {
  const { meta, metaFile, database } = view;
  const recorded = meta?.sequence;
  const { version, manifest, options } = database;
  const odd = meta?.anomalies.length !== 0;
  if (recorded === undefined || odd || version === undefined || !manifest?.replay.complete) return [];
  const facts = outcomes.flatMap((outcome) => (outcome.facts === undefined ? [] : [outcome.facts]));
  const tables = facts.flatMap((f) => (f.kind === 'table' ? [f.largestSequence ?? 0n] : []));
  const live = new Set(liveWals(database).map(({ file }) => file));
  const wals = facts.filter((f): f is WalFacts => f.kind === 'wal' && live.has(f.file));
  // an open of a WritePrepared database takes one number that it writes nowhere
  const unwritten = options.allow2pc ? 1n : 0n;
  let reached = largest([version.lastSequence ?? 0n, ...tables, ...wals.map(lastOf)]);
  if (recorded <= reached + unwritten || wals.length < live.size) return [];
  if (wals.some(({ firstDamage, tail }) => firstDamage !== undefined || tail === 'damaged')) return [];
  if (wals.some(({ transactions }) => transactions)) {
    const recovered = await recoveredSequence(view);
    if (recovered === undefined) return [];
    reached = largest([reached, recovered]);
    if (recorded <= reached + unwritten) return [];
  }
  return [
    findingAt({ file: metaFile }, 'backup/sequence-not-reached', {
      message:
        `the database had reached sequence ${recorded} when the backup was made, and its files end at ${reached}: ` +
        `the newest ${recorded - reached} sequence numbers are not in it`,
      evidence: { recorded: String(recorded), reached: String(reached) },
    }),
  ];
}

/** The last sequence number of a WAL, up to where operations can be counted. */
function lastOf({ nextSequence, lastSequence }: WalFacts): bigint {
  return largest([lastSequence ?? 0n, (nextSequence ?? 1n) - 1n]);
}

function largest(numbers: readonly bigint[]): bigint {
  let most = 0n;
  for (const number of numbers) if (number > most) most = number;
  return most;
}

/** What a recovery would reach: commits take numbers for what was prepared before. `undefined`: the files are not at hand. */
async function recoveredSequence({ database }: BackupView): Promise<bigint | undefined> {
  try {
    const prepared = await prepareOpen(databaseView(database), database.engineVersion);
    const outcome = await simulateOpen(prepared, database.options.walRecoveryMode);
    return outcome.opens ? outcome.lastSequence : undefined;
  } catch (error) {
    const known = error instanceof BeyondLimit || (error as NodeJS.ErrnoException).code !== undefined;
    if (!known) throw error;
    return undefined;
  }
}
