import type { WalFacts } from '../../check/unit.js';
import { checkWal } from '../../check/wal/wal.js';
import { type Database, filesOf, liveWals } from '../../engine/database.js';
import { counted } from '../../finding/quantity.js';
import { LogParser } from '../../format/log/parser.js';
import { readLog } from '../../format/log/read.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { type FilePlace, placeKey } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';

/** A live WAL, what it holds, and what a repair makes of it. */
export interface WalState {
  entry: InventoryEntry;
  place: FilePlace;
  facts: WalFacts;
  /** Something in it is damaged, torn or suspicious. */
  hurt: boolean;
  /** Size that the repair gives it; `undefined`: removed. */
  newSize: number | undefined;
  /** Header sequence of the last batch that it holds then; 0 for none. */
  newLastSequence: bigint;
}

/** Reads WALs, in ascending order: every one that recovery would read, where no others are asked for. */
export async function readWalStates(
  database: Database,
  entries: readonly InventoryEntry[] = liveWals(database),
): Promise<WalState[]> {
  const states: WalState[] = [];
  for (const entry of entries) {
    const source = await filesOf(database).open(entry.source);
    try {
      const { findings, facts } = await checkWal(source, {
        dialect: database.dialect,
        file: entry.file,
        number: entry.number ?? 0n,
        depth: 'full',
        recycling: database.options.recycleLogFileNum > 0,
      });
      if (facts.kind !== 'wal') continue;
      states.push({
        entry,
        place: entry.root === undefined ? { path: entry.file } : { path: entry.file, root: entry.root },
        facts,
        hurt: findings.some((f) => f.severity !== 'note'),
        newSize: entry.size,
        newLastSequence: facts.lastSequence ?? 0n,
      });
    } finally {
      await source.close();
    }
  }
  return states;
}

export function lostFile({ path, root }: FilePlace): Pick<LossStatement, 'file' | 'root'> {
  return root === undefined ? { file: path } : { file: path, root };
}

export function describeRecords({ facts, entry }: WalState): string {
  const { records, firstSequence, nextSequence } = facts;
  if (firstSequence === undefined) return `${entry.size} bytes, no whole batch`;
  return `${counted(records, 'record')}, sequences ${firstSequence}–${(nextSequence ?? firstSequence + 1n) - 1n}`;
}

export function sequencesOf({ facts }: WalState): LossStatement['facts'] {
  const { firstSequence, nextSequence, records } = facts;
  if (firstSequence === undefined) return { records };
  return {
    records,
    firstSequence: String(firstSequence),
    lastSequence: String((nextSequence ?? firstSequence + 1n) - 1n),
  };
}

/** The MANIFEST and CURRENT decide which WALs count; the WALs themselves are what is cut. */
export async function inputsOf(
  database: Database,
  steps: readonly RepairStep[],
): Promise<RepairPlan['inputs']> {
  if (steps.length === 0) return [];
  const places = new Map<string, FilePlace>();
  const metadata = [database.current?.entry, database.manifest?.entry, ...liveWals(database)];
  for (const entry of metadata) {
    if (entry === undefined) continue;
    places.set(`${entry.root ?? ''}/${entry.file}`, {
      path: entry.file,
      ...(entry.root !== undefined && { root: entry.root }),
    });
  }
  return Promise.all([...places.values()].map((place) => fileState(database.target, place)));
}

/** A later step for a file takes the place of an earlier one. */
export function replaceStep(steps: RepairStep[], step: RepairStep): void {
  const at = steps.findIndex((s) => placeKey(s) === placeKey(step));
  if (at < 0) steps.push(step);
  else steps[at] = step;
}

/** Later files go first: what is left at any moment is a beginning of the history. */
export function inOrder(steps: readonly RepairStep[]): RepairStep[] {
  const removals = steps.filter((s) => s.action === 'remove').reverse();
  return [...removals, ...steps.filter((s) => s.action !== 'remove').reverse()];
}

/** Reads the whole batches of a log. `visit` may keep no view of one. */
export async function readBatches(
  database: Database,
  { source: at, number = 0n }: InventoryEntry,
  visit: (batch: Uint8Array) => void,
): Promise<void> {
  const source = await filesOf(database).open(at);
  try {
    await readLog(new LogParser(source, { dialect: database.dialect, number }), {
      record: ({ bytes, start, end }) => {
        visit(bytes.subarray(start, end));
        return undefined;
      },
    });
  } finally {
    await source.close();
  }
}
