import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import { decodePartitionKey, type PartitionKey, STORAGE_VERSION } from '../partition-keys.js';
import { invocationOf } from '../partition-text.js';
import { walkFamily } from './walk.js';

/** What a partition's own variables say of it. */
export interface PartitionState {
  keys: number;
  /** The layout of its tables is named, as Restate does since 1.5. */
  hasVersion: boolean;
}

const STATE_MACHINE = 'fs';

/** Walks the keys of one partition once, holding the last entry of one journal. */
export async function checkPartition(
  view: View,
  columnFamily: number,
  partition: bigint,
  reported: Reported,
): Promise<PartitionState> {
  const state: PartitionState = { keys: 0, hasVersion: false };
  let journal: { id: string; next: bigint } | undefined;
  await walkFamily(view, columnFamily, (bytes) => {
    state.keys++;
    const key = decodePartitionKey(bytes);
    if (key === undefined) {
      reported.report('restate/unknown-key', {
        severity: 'note',
        message: `partition ${partition}: a key is of no table that kvdoctor knows`,
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    if (key.partition !== undefined && key.partition !== partition)
      reported.report('restate/wrong-partition', {
        message: `partition ${partition} holds a key of table ${key.name} that is partition ${key.partition}’s`,
        evidence: {
          key: keyBytes(bytes.slice()),
          partition: String(partition),
          named: String(key.partition),
        },
      });
    if (key.table === STATE_MACHINE && key.values.some(({ value }) => value === STORAGE_VERSION))
      state.hasVersion = true;
    if (key.table === 'j2' || key.table === 'jo')
      journal = followJournal(journal, key, bytes, partition, reported);
  });
  return state;
}

/**
 * A partition without the version of its tables is of Restate before 1.5, and blocked by 1.6 and later. Where a partition
 * beside it has one, it had one too.
 */
export function judgeVersions(states: ReadonlyMap<bigint, PartitionState>, reported: Reported): void {
  if (![...states.values()].some(({ hasVersion }) => hasVersion)) return;
  for (const [partition, { keys, hasVersion }] of states) {
    if (keys === 0 || hasVersion) continue;
    reported.report('restate/storage-version-missing', {
      message: `partition ${partition} has ${keys} keys and no storage version, which other partitions here have`,
      evidence: { partition: String(partition), keys },
    });
  }
}

function followJournal(
  journal: { id: string; next: bigint } | undefined,
  key: PartitionKey,
  bytes: Uint8Array,
  partition: bigint,
  reported: Reported,
): { id: string; next: bigint } {
  const name = invocationOf(key) ?? '';
  const id = `${key.table} ${name}`;
  const entry = key.values.at(-1)?.value as bigint;
  const next = journal?.id === id ? journal.next : 0n;
  if (entry > next)
    reported.report('restate/journal-gap', {
      message: `partition ${partition}: the journal of an invocation lacks ${entry === next + 1n ? `entry ${next}` : `entries ${next} to ${entry - 1n}`}`,
      evidence: {
        invocation: { ...keyBytes(bytes.slice()), text: name },
        missingFrom: String(next),
        missingTo: String(entry - 1n),
      },
    });
  return { id, next: entry + 1n };
}
