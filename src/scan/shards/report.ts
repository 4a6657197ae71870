import { parse, stringify } from 'devalue';
import { sha256 } from '../../bytes/sha256.js';
import type { Depth } from '../../check/unit.js';
import type { Database } from '../../engine/database.js';
import { readHead } from '../../io/head.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { ShardReport, UnitReport } from '../../report/report.js';
import type { BackupScene } from '../backup/conclude.js';
import { keyOf, type PlannedUnit, unitFor } from '../plan.js';
import type { UnitOutcome } from '../unit.js';
import type { Shard } from './shard.js';

/** Bytes of IDENTITY that travel with a shard's report: it is checked again by the merge, which may have no directory. */
const IDENTITY_HEAD = 4096;

// bytes as such: most are windows of buffers that are far larger
const reducers = {
  Bytes: (value: unknown) => value instanceof Uint8Array && Buffer.from(value).toString('base64'),
};
const revivers = {
  Bytes: (base64: string) => new Uint8Array(Buffer.from(base64, 'base64')),
};

/** Two processes that saw the same files planned the same units. */
function planDigest(units: readonly PlannedUnit[], count: number): string {
  const hash = sha256().update(String(count));
  for (const { entry, kind, context } of units) {
    const piece = kind === 'table' && context.blocks ? context.blocks : { from: 0, to: -1 };
    hash.update(JSON.stringify([keyOf(entry), entry.size, piece.from, piece.to]));
  }
  return hash.digest('hex').slice(0, 32);
}

/** The metadata with the small files in it that checks read once more. */
export async function portable(database: Database): Promise<Database> {
  const entries = await Promise.all(
    database.inventory.entries.map(async (entry) => {
      if (entry.kind !== 'identity') return entry;
      const bytes = await readHead(entry.source, IDENTITY_HEAD).catch(() => undefined);
      return bytes === undefined ? entry : { ...entry, source: { kind: 'memory' as const, bytes } };
    }),
  );
  return { ...database, inventory: { ...database.inventory, entries } };
}

/** What a shard says of itself. `metadata` is what the merge has in place of the directory. */
export function shardFacts(
  metadata: Database | BackupScene,
  shard: Shard,
  plan: readonly PlannedUnit[],
  mine: readonly PlannedUnit[],
): ShardReport {
  const bytes = (units: readonly PlannedUnit[]) => units.reduce((sum, { weight }) => sum + weight, 0);
  return {
    ...shard,
    bytes: bytes(mine),
    totalBytes: bytes(plan),
    plan: planDigest(plan, shard.count),
    metadata: stringify(metadata, reducers),
  };
}

interface Stored {
  /** In the plan, which is the same in every shard. */
  id: number;
  blocks?: { from: number; to: number };
  outcome?: UnitOutcome;
}

export function unitReport(unit: PlannedUnit, outcome: UnitOutcome | undefined): UnitReport {
  const { entry, kind, context } = unit;
  const stored: Stored = {
    id: unit.id,
    ...(kind === 'table' && context.blocks && { blocks: context.blocks }),
    ...(outcome && { outcome }),
  };
  return {
    kind,
    file: entry.file,
    ...(entry.root !== undefined && { root: entry.root }),
    outcome: stringify(stored, reducers),
  };
}

/** The metadata that a shard carries. Throws on what `shardFacts` of this version did not write. */
export function metadataOf({ metadata }: ShardReport): Database | BackupScene {
  return parse(metadata, revivers) as Database | BackupScene;
}

/** What shards of a backup directory carry for each unit. */
export function storedUnits(reports: readonly UnitReport[]): Pick<Stored, 'id' | 'outcome'>[] {
  return reports.map(({ outcome }) => parse(outcome, revivers) as Stored);
}

/** The units of several shards as one plan with its outcomes, in the order in which a whole scan would have them. */
export function unitsOf(
  database: Database,
  depth: Depth,
  reports: readonly UnitReport[],
): { units: PlannedUnit[]; outcomes: Map<number, UnitOutcome> } {
  const byFile = new Map<string, Stored[]>();
  for (const { file, root, outcome } of reports) {
    const key = keyOf({ file, root });
    byFile.set(key, [...(byFile.get(key) ?? []), parse(outcome, revivers) as Stored]);
  }
  const units: PlannedUnit[] = [];
  const outcomes = new Map<number, UnitOutcome>();
  const unit = unitFor(database, depth);
  for (const entry of database.inventory.entries) {
    for (const { blocks, outcome } of inOrder(byFile.get(keyOf(entry)) ?? [])) {
      const planned = unit(entry, units.length, blocks);
      if (planned === undefined) continue;
      units.push(planned);
      if (outcome) outcomes.set(planned.id, { ...outcome, unit: planned.id });
    }
  }
  return { units, outcomes };
}

function inOrder(pieces: readonly Stored[]): Stored[] {
  return [...pieces].sort((a, b) => (a.blocks?.from ?? 0) - (b.blocks?.from ?? 0));
}

/** Files that the engine's checks should have read and that are in no unit. */
export function unread(database: Database, depth: Depth, units: readonly PlannedUnit[]): InventoryEntry[] {
  const unit = unitFor(database, depth);
  const read = new Set(units.map(({ entry }) => keyOf(entry)));
  return database.inventory.entries.filter(
    (entry) => unit(entry, 0) !== undefined && !read.has(keyOf(entry)),
  );
}
