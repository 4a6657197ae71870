import { namedKey } from '../../app/command-lines.js';
import type { Profile } from '../../app/profile.js';
import { type EvidenceValue, keyBytes } from '../../finding/evidence.js';
import type { DialectName } from '../../format/dialect.js';
import type { ColumnFamily } from '../../format/manifest/version.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { KeySpan } from '../../recovery/key-span.js';
import type { LossStatement } from '../plan.js';

/** What a statement about operations needs to know of each. */
export interface NamedOperation {
  kind?: string;
  columnFamily: number;
  key: Uint8Array;
  /** The key is only the beginning of it. */
  cut?: true;
}

/** The names that a plan gives column families and keys. */
export interface PlanNames {
  dialect: DialectName;
  families: ReadonlyMap<number, ColumnFamily>;
  profile?: Profile | undefined;
}

/** Operations that a statement lists one by one. */
const LISTED = 20;

/** Operations by column family: how many, and from which key to which. */
export function familyFacts(
  operations: readonly NamedOperation[],
  { families, profile }: PlanNames,
): { [name: string]: EvidenceValue }[] {
  const spans = new Map<number, { operations: number; keys: KeySpan }>();
  for (const { columnFamily, key } of operations) {
    let span = spans.get(columnFamily);
    if (span === undefined) {
      const { comparator } = families.get(columnFamily) ?? {};
      span = { operations: 0, keys: new KeySpan(comparatorNamed(comparator || undefined)) };
      spans.set(columnFamily, span);
    }
    span.operations++;
    span.keys.add(key);
  }
  return [...spans].map(([id, { operations: count, keys }]) => ({
    name: families.get(id)?.name ?? `column family ${id}`,
    operations: count,
    ...(keys.first && { firstKey: { ...namedKey(keys.first, id, profile) } }),
    ...(keys.last && { lastKey: { ...namedKey(keys.last, id, profile) } }),
  }));
}

/** The first operations one by one, and how many are not listed. */
export function operationList(
  operations: readonly NamedOperation[],
  { families, profile }: PlanNames,
): LossStatement['facts'] {
  const left = operations.length - LISTED;
  return {
    list: operations.slice(0, LISTED).map(({ kind = 'write', columnFamily, key, cut }) => ({
      operation: kind,
      columnFamily: families.get(columnFamily)?.name ?? String(columnFamily),
      ...(cut
        ? { keyBeginsWith: { ...keyBytes(key) } }
        : { key: { ...namedKey(key, columnFamily, profile) } }),
    })),
    ...(left > 0 && { notListed: left }),
  };
}

/** A transaction that was prepared and of which the WALs do not say what became of it. */
export function undecidedStatement(
  file: string,
  xid: Uint8Array,
  operations: readonly NamedOperation[],
  names: PlanNames,
): LossStatement {
  return {
    file,
    detail: 'a prepared transaction is undecided and stays so: its program has to commit it or roll it back',
    facts: { transaction: { ...keyBytes(xid) }, columnFamilies: familyFacts(operations, names) },
  };
}
