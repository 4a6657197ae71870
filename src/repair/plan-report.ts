import type { PlanReport, RecoveryReport } from '../report/report.js';
import { contentSize } from './content.js';
import type { Disk } from './disk.js';
import { absolute } from './place.js';
import type { RepairPlan } from './plan.js';

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
