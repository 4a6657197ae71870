import { append } from '../../bytes/append.js';
import type { TargetReport } from '../../report/report.js';
import type { PlannedUnit } from '../plan.js';
import { byFile, type FileOutcome, mergePieces } from '../run.js';
import type { Subject } from '../subject.js';
import type { UnitOutcome } from '../unit.js';
import { shardFacts, unitReport } from './report.js';
import { type Shard, unitsOfShard } from './shard.js';

/**
 * Checks one part of a target. The report tells what is wrong in its files, and carries what a merge needs to tell the rest. Every
 * file goes to one shard, also one that several backups share.
 */
export async function scanShard(
  { report, units: plan, judged }: Subject,
  { complete, metadata, opening }: NonNullable<Subject['shards']>,
  shard: Shard,
  run: (units: readonly PlannedUnit[]) => Promise<Map<number, UnitOutcome>>,
): Promise<TargetReport> {
  const mine = unitsOfShard(plan, shard);
  const outcomes = await run(mine);
  const files: FileOutcome[] = [];
  for (const pieces of byFile(mine)) {
    const file = mergePieces(pieces, outcomes, false);
    files.push(file);
    append(report.findings, judged(pieces[0], file.findings));
    append(report.unchecked, file.unchecked);
  }
  await complete(report, files, shard.index === 1);
  report.bytesRead = files.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  report.shard = shardFacts(await metadata(), shard, plan, mine);
  if (shard.index === 1) report.shard.opening = await opening?.();
  report.units = mine.map((unit) => unitReport(unit, outcomes.get(unit.id)));
  return report;
}
