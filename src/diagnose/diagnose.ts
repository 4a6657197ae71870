import type { ByteSource } from '../bytes/source.js';
import type { CheckedFile } from '../check/check-file.js';
import type { UnitResult } from '../check/unit.js';
import type { Cause, Finding } from '../finding/finding.js';
import { BlobDiagnosis } from './blob.js';
import { PebbleBlobDiagnosis } from './pebble-blob.js';
import { TableDiagnosis } from './table.js';
import { WalDiagnosis } from './wal.js';

/** Findings of one unit whose cause is sought. */
const MOST_DIAGNOSED = 1000;

/** So many in a row of which the bytes tell nothing, and the rest is not looked at: a file of noise has thousands. */
const MOST_FRUITLESS = 16;

/** What ends the search for causes in one unit, in milliseconds: the scan is there to find damage, not to wait. */
const MOST_TIME = 20_000;

const weight = { error: 0, warning: 1, note: 2 };

/**
 * Says of what a unit has found why it is so and what it costs, where the bytes tell: sets `cause` and `impact`. Reads the
 * file again at the places in question. The gravest findings come first, and where there are too many the rest is counted.
 * A medium that fails leaves findings without a cause.
 */
export async function diagnoseUnit(source: ByteSource, unit: CheckedFile, result: UnitResult): Promise<void> {
  const { findings } = result;
  if (findings.length === 0) return;
  const diagnosis = diagnosisOf(source, unit, result);
  const ordered = [...findings].sort((a, b) => weight[a.severity] - weight[b.severity]);
  const end = Date.now() + MOST_TIME;
  let last: Finding | undefined;
  let done = 0;
  let fruitless = 0;
  for (const finding of ordered) {
    if (done >= MOST_DIAGNOSED || fruitless >= MOST_FRUITLESS || Date.now() > end) break;
    done++;
    try {
      await diagnosis.diagnose(finding);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
    if (finding.cause === undefined) continue;
    last = finding;
    fruitless = isUnexplained(finding.cause) ? fruitless + 1 : 0;
  }
  diagnosis.conclude?.();
  const left = findings.length - done;
  if (left > 0 && last !== undefined) last.evidence.findingsWithoutCause = left;
}

function isUnexplained({ kind, certainty }: Cause): boolean {
  return kind === 'garbage' && certainty === 'possible';
}

function diagnosisOf(
  source: ByteSource,
  unit: CheckedFile,
  result: UnitResult,
): { diagnose(finding: Finding): Promise<void>; conclude?(): void } {
  switch (unit.kind) {
    case 'table':
      return new TableDiagnosis(source, unit.context, result);
    case 'wal':
      return new WalDiagnosis(source, unit.context, result);
    case 'blob':
      return unit.context.dialect === 'pebble'
        ? new PebbleBlobDiagnosis(source)
        : new BlobDiagnosis(source, unit.context, result);
  }
}
