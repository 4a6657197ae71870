import { rewritePredecessor } from '../../encode/log/writer.js';
import type { Predecessor } from '../../format/log/metadata.js';
import { placeKey } from '../place.js';
import type { RepairStep, Segment } from '../plan.js';
import type { WalState } from './wal-state.js';

/**
 * With track_and_verify_wals a WAL begins with a record that names the one before it, its size and last sequence number.
 * Where the one before it changes, the record in a WAL that stays is written anew to say what is there now.
 */
export function putPredecessorsRight(wals: readonly WalState[], steps: readonly RepairStep[]): RepairStep[] {
  const fixed: RepairStep[] = [];
  let previous: WalState | undefined;
  let altered = false;
  for (const wal of wals) {
    if (wal.newSize === undefined) {
      altered = true;
      continue;
    }
    const recorded = wal.facts.predecessor;
    const truth: Predecessor = {
      number: previous?.entry.number ?? 0n,
      size: BigInt(previous?.newSize ?? 0),
      lastSequence: previous?.newLastSequence ?? 0n,
    };
    const differs =
      recorded !== undefined &&
      (recorded.number !== truth.number ||
        recorded.size !== truth.size ||
        recorded.lastSequence !== truth.lastSequence);
    if (altered && recorded !== undefined && differs && recorded.offset < wal.newSize) {
      fixed.push(withPredecessor(wal, recorded, truth, steps));
    }
    altered = wal.newSize !== wal.entry.size;
    previous = wal;
  }
  return fixed;
}

function withPredecessor(
  wal: WalState,
  recorded: { offset: number; length: number },
  truth: Predecessor,
  steps: readonly RepairStep[],
): RepairStep {
  const logNumber = wal.facts.recyclable ? Number(BigInt.asUintN(32, wal.entry.number ?? 0n)) : undefined;
  const { bytes } = rewritePredecessor(recorded.offset, truth, logNumber);
  const planned = steps.find((s) => placeKey(s) === placeKey(wal.place));
  const content: Segment[] =
    planned?.action === 'write'
      ? planned.content
      : [{ from: 'file', ...wal.place, offset: 0, length: wal.entry.size }];
  return {
    action: 'write',
    ...wal.place,
    why: 'it names the WAL before it, which changes',
    changes: [
      ...(planned?.changes ?? []),
      {
        kind: 'rewrite',
        offset: recorded.offset,
        length: bytes.length,
        detail: `now names WAL ${truth.number}, ${truth.size} bytes`,
      },
    ],
    content: overlay(content, recorded.offset, bytes),
  };
}

/** Content with some of its bytes replaced. Only the file's own prefix is touched, where such a record stands. */
function overlay(content: readonly Segment[], offset: number, bytes: Uint8Array): Segment[] {
  const [head, ...rest] = content;
  if (head?.from !== 'file' || offset + bytes.length > head.length) return [...content];
  const behind = offset + bytes.length;
  return [
    { ...head, length: offset },
    { from: 'plan', bytes },
    { ...head, offset: head.offset + behind, length: head.length - behind },
    ...rest,
  ];
}
