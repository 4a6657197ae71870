import { keyInWords } from '../app/command-lines.js';
import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import type { PlanReport, RecoveryReport } from '../report/report.js';
import { contentSize } from './content.js';
import type { Disk } from './disk.js';
import { absolute } from './place.js';
import type { LossStatement, RepairPlan } from './plan.js';

/** A plan as the report states it: everything but the new bytes. */
export async function planReport(
  plan: RepairPlan,
  disk: Disk,
  result?: RecoveryReport[],
): Promise<PlanReport> {
  const steps: PlanReport['steps'] = [];
  for (const step of plan.steps) {
    const { action, path: file, root, why, changes } = step;
    steps.push({
      action,
      file,
      ...(root !== undefined && { root }),
      why,
      size: (await disk.stat(absolute(plan.target, step)))?.size ?? 0,
      ...(step.action === 'write' && { newSize: contentSize(step.content) }),
      changes,
    });
  }
  return {
    strategy: plan.strategy,
    engineVersion: plan.engineVersion,
    steps,
    loss: plan.loss,
    ...(plan.unproven && { unproven: plan.unproven }),
    ...(plan.undecided && { undecided: plan.undecided }),
    remarks: plan.remarks,
    ...(plan.objects && { objects: plan.objects }),
    inputs: plan.inputs.map(({ path: file, root, size, sha256 }) => ({
      file,
      ...(root !== undefined && { root }),
      size,
      ...(sha256 !== undefined && { sha256 }),
    })),
    ...(result && { result }),
  };
}

/** Lines of one loss that a report keeps. */
const KEPT = 20;

/** Losses of keys with what the application calls these: sets `text` of the keys, and `hits`. */
export function lossInWords(
  loss: readonly LossStatement[],
  { version }: Database,
  profile: Profile | undefined,
): LossStatement[] {
  const families = [...(version?.columnFamilies.values() ?? [])];
  return loss.map((statement) => {
    const { columnFamily, from, to } = statement.facts;
    const family = families.find(({ name }) => name === columnFamily);
    if (profile === undefined || family === undefined || !isKey(from) || !isKey(to)) return statement;
    const lines = profile.rangeText?.(family.id, bytesOf(from), bytesOf(to)) ?? [];
    const left = lines.length - KEPT;
    const inWords = (key: EvidenceValue) => (isKey(key) ? { ...keyInWords(key, family.id, profile) } : key);
    const { keyRanges } = statement.facts;
    const facts: LossStatement['facts'] = {
      ...statement.facts,
      ...(Array.isArray(keyRanges) && {
        keyRanges: keyRanges.map((range) =>
          typeof range === 'object' && 'from' in range && 'to' in range
            ? { from: inWords(range.from), to: inWords(range.to) }
            : range,
        ),
      }),
      from: { ...keyInWords(from, family.id, profile) },
      to: { ...keyInWords(to, family.id, profile) },
      ...(lines.length > 0 && { hits: lines.slice(0, KEPT).map((keyText) => ({ keyText })) }),
      ...(left > 0 && { hitsLeftOut: left }),
    };
    return { ...statement, facts };
  });
}

function isKey(value: EvidenceValue | undefined): value is { base64: string } {
  return typeof value === 'object' && 'base64' in value;
}

const bytesOf = ({ base64 }: KeyBytes) => Buffer.from(base64, 'base64');
