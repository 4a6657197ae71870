import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import { decodePartitionKey, type PartitionKey } from '../partition-keys.js';
import { walkFamily } from './walk.js';

/** Walks the keys of one partition once, holding the last entry of one journal. */
export async function checkPartition(
  view: View,
  columnFamily: number,
  partition: bigint,
  reported: Reported,
): Promise<void> {
  let journal: { id: string; next: bigint } | undefined;
  await walkFamily(view, columnFamily, (bytes) => {
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
    if (key.table === 'j2' || key.table === 'jo') journal = followJournal(journal, key, partition, reported);
  });
}

function followJournal(
  journal: { id: string; next: bigint } | undefined,
  { table, values }: PartitionKey,
  partition: bigint,
  reported: Reported,
): { id: string; next: bigint } {
  const [hash, invocation, index] = values.map(({ value }) => value);
  const name = Buffer.from(invocation as Uint8Array).toString('hex');
  const id = `${table} ${hash} ${name}`;
  const entry = index as bigint;
  const next = journal?.id === id ? journal.next : 0n;
  if (entry > next)
    reported.report('restate/journal-gap', {
      message: `partition ${partition}: the journal of invocation ${name} lacks ${entry === next + 1n ? `entry ${next}` : `entries ${next} to ${entry - 1n}`}`,
      evidence: { invocation: name, missingFrom: String(next), missingTo: String(entry - 1n) },
    });
  return { id, next: entry + 1n };
}
