import { keyBytes } from '../../finding/evidence.js';
import type { BatchOp } from '../../format/batch/batch.js';
import type { LossStatement } from '../plan.js';
import { familyFacts, type NamedOperation, type PlanNames, undecidedStatement } from './operation-facts.js';

/** A prepared section and the WAL that holds it. */
interface Section {
  xid: Uint8Array;
  file: string;
  operations: NamedOperation[];
}

/** Operations of one transaction that are kept for a plan's words. */
const KEPT = 10_000;

/** Transactions that WALs prepare and do not decide, as a salvage meets their markers. */
export class UndecidedTransactions {
  private readonly sections = new Map<string, Section>();

  constructor(private readonly names: PlanNames) {}

  has(xid: Uint8Array): boolean {
    return this.sections.has(nameOf(xid));
  }

  /** The operations of a batch that is kept. Their keys are copied. */
  take(ops: readonly BatchOp[], file: string): void {
    let open: NamedOperation[] | undefined;
    for (const { kind, columnFamily, key, counted } of ops) {
      if (kind.startsWith('begin-')) open = [];
      else if (kind === 'end-prepare') {
        const known = this.sections.get(nameOf(key));
        const operations = [...(known?.operations ?? []), ...(open ?? [])].slice(0, KEPT);
        this.sections.set(nameOf(key), { xid: key.slice(), file, operations });
        open = undefined;
      } else if (kind.startsWith('commit') || kind === 'rollback') this.sections.delete(nameOf(key));
      else if (counted && open !== undefined && open.length < KEPT)
        open.push({ kind, columnFamily, key: key.slice() });
    }
  }

  /** A commit that is not kept: what it would have made visible. */
  lostCommit(xid: Uint8Array, place: Pick<LossStatement, 'file' | 'root'>, offset: number): LossStatement[] {
    const section = this.sections.get(nameOf(xid));
    if (section === undefined) return [];
    return [
      {
        ...place,
        detail: `the commit at ${offset} of a transaction that was prepared before: what it writes stays undecided`,
        facts: {
          offset,
          transaction: { ...keyBytes(xid) },
          columnFamilies: familyFacts(section.operations, this.names),
        },
      },
    ];
  }

  statements(): LossStatement[] {
    return [...this.sections.values()].map(({ xid, file, operations }) =>
      undecidedStatement(file, xid, operations, this.names),
    );
  }
}

const nameOf = (xid: Uint8Array) => Buffer.from(xid).toString('latin1');
