import type { ByteSource } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import type { EvidenceValue } from '../finding/evidence.js';
import type { Finding, Impact } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import type { WriteBatch } from '../format/batch/batch.js';
import { decodeBatch } from '../format/batch/decode.js';
import { type BitChange, FlippedSource } from './flipped-source.js';
import { logicalRecordAt } from './wal-record.js';

/** What stands in a record, once `changes` are put back: its sequences and operations. `offset`: where it begins. */
export async function batchImpact(
  source: ByteSource,
  changes: readonly BitChange[],
  offset: number,
  facts: WalFacts,
): Promise<Impact | undefined> {
  const record = await logicalRecordAt(new FlippedSource(source, changes), facts, offset);
  if (record === undefined) return undefined;
  return impactOfBatch(decodeBatch(record.bytes, { dialect: facts.dialect }));
}

/** Sequences, operations and column families of a batch as far as it decodes. */
export function impactOfBatch(batch: WriteBatch): Impact {
  const families = new Map<number, number>();
  let deletions = 0;
  for (const op of batch.ops) {
    if (!op.counted) continue;
    families.set(op.columnFamily, (families.get(op.columnFamily) ?? 0) + 1);
    if (op.kind === 'delete' || op.kind === 'single-delete' || op.kind === 'range-delete') deletions++;
  }
  const sequences = range(batch.sequence, BigInt(Math.max(batch.count, 1)));
  const operations =
    batch.counted === batch.count
      ? counted(batch.counted, 'operation')
      : `${batch.counted} of ${counted(batch.count, 'operation')} can be read`;
  return {
    summary: `batch ${sequences}: ${operations}${families.size > 0 ? ` in ${familiesText([...families.keys()])}` : ''}`,
    sequences,
    operations: batch.counted,
    ...(deletions > 0 ? { deletions } : {}),
    columnFamilies: [...families].map(([id, count]): EvidenceValue => ({ id, operations: count })),
  };
}

function range(first: bigint, count: bigint): string {
  return count === 1n ? String(first) : `${first}–${first + count - 1n}`;
}

/** What is gone with a record that cannot be read, as the sequence numbers around it tell. */
export function lostImpact({ evidence }: Finding): Impact | undefined {
  const { sequencesMissing, fragmentsLostWithIt } = evidence;
  if (sequencesMissing === undefined && fragmentsLostWithIt === undefined) return undefined;
  const missing = sequencesMissing === undefined ? '' : `sequences ${sequencesMissing}`;
  return {
    summary: `${missing === '' ? 'a record of several fragments' : missing} ${missing === '' ? 'is' : 'are'} lost with it`,
    ...(sequencesMissing === undefined ? {} : { sequences: sequencesMissing }),
  };
}

/** `column family default`, `column families default, meta`; by names, or by ids where names are not known. */
export function familiesText(names: readonly (string | number)[]): string {
  return `column ${names.length === 1 ? 'family' : 'families'} ${names.join(', ')}`;
}
