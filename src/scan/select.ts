import type { Depth } from '../check/unit.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { FileReport } from '../report/report.js';
import type { ScanOptions } from './options.js';
import { keyOf, type PlannedUnit } from './plan.js';

/** What an earlier report of the same target says. */
export interface Earlier {
  files: readonly FileReport[];
  depth: Depth;
  /** When it was made, ISO 8601: files that it says nothing else of were read then. */
  checkedAt: string;
}

/** What an earlier report says of a file that is as it was, and when its content was last read. */
export type Trusted = FileReport & { checkedAt: string };

/** What of a plan is read, in this order, and what of the rest is said. */
interface Selection {
  run: PlannedUnit[];
  /** Files that are as an earlier report saw them: not read, or only while there is time. */
  trusted: Map<string, Trusted>;
  /** Files that a sample leaves out. */
  skipped: Set<string>;
}

const depths: readonly Depth[] = ['structure', 'checksums', 'full'];

/** A file's time of change as reports write it. */
export function modifiedAt({ mtimeMs }: Pick<InventoryEntry, 'mtimeMs'>): string {
  return new Date(mtimeMs).toISOString();
}

/** Tables and blob files never change once they are written; an earlier look at the same size and time still holds. */
function isUnchanged(entry: InventoryEntry, before: FileReport | undefined): before is FileReport {
  if (before === undefined || (entry.kind !== 'table' && entry.kind !== 'blob')) return false;
  const vouched = before.status === 'clean' || before.status === 'trusted';
  return vouched && before.size === entry.size && before.modified === modifiedAt(entry);
}

/** Tells what an earlier report says of files that are as it saw them. */
export function trustIn(
  since: Earlier | undefined,
  depth: Depth = 'full',
): (entry: InventoryEntry) => Trusted | undefined {
  if (since === undefined || depths.indexOf(since.depth) < depths.indexOf(depth)) return () => undefined;
  const before = new Map(since.files.map((file) => [keyOf({ file: file.path, root: file.root }), file]));
  return (entry) => {
    const known = before.get(keyOf(entry));
    return isUnchanged(entry, known) ? { checkedAt: since.checkedAt, ...known } : undefined;
  };
}

/**
 * Decides what to read. Without a budget unchanged files of an earlier report are taken on trust; with one they are read after
 * all others while time is left, those checked least recently first.
 */
export function selectUnits(
  plan: readonly PlannedUnit[],
  { since, budget, sample, depth = 'full' }: ScanOptions,
  random: () => number = Math.random,
): Selection {
  const trusted: Selection['trusted'] = new Map();
  const trust = trustIn(since, depth);
  for (const { entry } of plan) {
    const known = trust(entry);
    if (known !== undefined) trusted.set(keyOf(entry), known);
  }
  const isTrusted = ({ entry }: PlannedUnit) => trusted.has(keyOf(entry));
  const changed = plan.filter((unit) => !isTrusted(unit));
  const skipped = sample === undefined ? new Set<string>() : leftOut(changed, sample, random);
  const run = changed.filter(({ entry }) => !skipped.has(keyOf(entry)));
  if (budget !== undefined) {
    const age = ({ entry }: PlannedUnit) => trusted.get(keyOf(entry))?.checkedAt ?? '';
    run.push(...plan.filter(isTrusted).sort((a, b) => (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : 0)));
  }
  return { run, trusted, skipped };
}

/** Tables and blob files that a sample does not take; files are taken whole, until their bytes are the share asked for. */
function leftOut(units: readonly PlannedUnit[], share: number, random: () => number): Set<string> {
  const sizes = new Map<string, number>();
  for (const { entry, kind } of units) if (kind !== 'wal') sizes.set(keyOf(entry), entry.size);
  const wanted = [...sizes.values()].reduce((sum, size) => sum + size, 0) * share;
  const shuffled = [...sizes.keys()].map((key) => ({ key, at: random() })).sort((a, b) => a.at - b.at);
  let taken = 0;
  const skipped = new Set<string>();
  for (const { key } of shuffled) {
    if (taken < wanted) taken += sizes.get(key) ?? 0;
    else skipped.add(key);
  }
  return skipped;
}
