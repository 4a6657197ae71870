import type { Depth } from '../../check/unit.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { type PlannedUnit, planUnits } from '../plan.js';
import type { FileOutcome } from '../run.js';
import type { BackupView } from './view.js';

/** The units of several backups, each file once, and how to give every backup what came of its files. */
export interface BackupPlan {
  units: PlannedUnit[];
  /** What the units came to, for one backup: with its own entries of the files. */
  outcomesOf(view: BackupView, outcomes: readonly FileOutcome[]): FileOutcome[];
  /** The backups that have the file of a unit, each with its own entry of it. */
  ownersOf(unit: PlannedUnit): { view: BackupView; entry: InventoryEntry }[];
}

/**
 * Plans the content checks. A file that several backups list is read once, as long as their MANIFESTs say the same of it;
 * they may have it on different levels. Whole-file checksums are computed in the same reading.
 */
export async function planBackups(views: readonly BackupView[], depth: Depth): Promise<BackupPlan> {
  const byKey = new Map<string, PlannedUnit>();
  const owners = new Map<string, { view: BackupView; entry: InventoryEntry }[]>();
  const owned = new Map<BackupView, { key: string; entry: InventoryEntry }[]>();
  for (const view of views) {
    const own: { key: string; entry: InventoryEntry }[] = [];
    // in one piece each: the checksum of the whole file is wanted
    for (const unit of await planUnits(view.database, depth, 1)) {
      const key = keyOf(unit);
      own.push({ key, entry: unit.entry });
      const known = owners.get(key) ?? [];
      owners.set(key, [...known, { view, entry: unit.entry }]);
      if (byKey.has(key)) continue;
      byKey.set(key, { ...unit, id: byKey.size, ...(depth !== 'structure' && { checksum: true as const }) });
    }
    owned.set(view, own);
  }
  return {
    units: [...byKey.values()],
    outcomesOf(view, outcomes) {
      const byEntry = new Map(outcomes.map((outcome) => [outcome.entry, outcome]));
      return (owned.get(view) ?? []).flatMap(({ key, entry }) => {
        const unit = byKey.get(key);
        const outcome = unit && byEntry.get(unit.entry);
        return outcome ? [{ ...outcome, entry }] : [];
      });
    },
    ownersOf: (unit) => owners.get(keyOf(unit)) ?? [],
  };
}

/** The same for two units that would find the same. */
function keyOf(unit: PlannedUnit): string {
  const { context, kind } = unit;
  if (kind === 'wal') return `${context.file}\0${JSON.stringify(context, plain)}`;
  const { live, ...rest } = context as { live?: object };
  const {
    level,
    entry,
    addedAt,
    epoch,
    compensatedRangeDeletionSize,
    needsCompaction,
    openMetadata,
    ...same
  } = (live ?? {}) as Record<string, unknown>;
  return `${context.file}\0${JSON.stringify([rest, same], plain)}`;
}

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
