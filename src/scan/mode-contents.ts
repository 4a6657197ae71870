import type { Profile } from '../app/profile.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { type Digest, digestFamily } from '../lsm/digest.js';
import { MemoryPool } from '../lsm/memory-pool.js';
import { recoveredView } from '../lsm/recovered-view.js';
import type { View } from '../lsm/view.js';
import type { PreparedOpen } from '../recovery/open.js';
import type { SimulatedMode } from '../recovery/simulate.js';
import type { ContentsReport, RecoveryReport } from '../report/report.js';
import type { SimulateSettings } from './simulate-database.js';

/** Findings of a mode's contents that a report keeps. */
const KEPT = 50;

/** Opens what each mode would show, once where modes show the same, and looks at it as far as `settings` ask. */
export async function lookAtContents(
  database: Database,
  prepared: PreparedOpen,
  modes: readonly SimulatedMode[],
  reports: RecoveryReport[],
  { digest: withDigest = false, application = false, profile, onProgress, signal }: SimulateSettings,
): Promise<void> {
  const checked = application ? profile : undefined;
  if (database.version === undefined || (!withDigest && checked === undefined)) return;
  const pool = new MemoryPool();
  const different = modes.filter(({ opens, sameAs }) => opens && sameAs === undefined);
  for (const [i, mode] of different.entries()) {
    if (signal?.aborted) return;
    const view = await recoveredView(database, prepared, mode, { pool }, mode.mode === 'default');
    try {
      const onShare = (share: number) => onProgress?.((i + share) / different.length);
      const families = withDigest ? (await digests(view, onShare)).map(familyDigest) : undefined;
      const contents = checked === undefined ? undefined : await contentsOf(view, checked);
      for (const [k, { opens, mode: name, sameAs }] of modes.entries()) {
        if (!opens || (name !== mode.mode && sameAs !== mode.mode)) continue;
        if (families !== undefined) reports[k].columnFamilies = families;
        if (contents !== undefined) reports[k].contents = contents;
      }
      onShare(1);
    } finally {
      view.close();
    }
  }
}

async function digests(view: View, onShare: (share: number) => void): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const [i, { id }] of view.columnFamilies.entries()) {
    // in an order that is only guessed there is nothing to count
    if (view.order(id).known) found.push(await digestFamily(view, id));
    onShare((i + 1) / view.columnFamilies.length);
  }
  return found;
}

function familyDigest({ name, entries, fnv1a64, unmerged, complete, problems }: Digest) {
  const [problem] = complete ? [] : problems.slice(-1);
  return {
    name,
    entries,
    fnv1a64,
    ...(unmerged > 0 && { unmerged }),
    ...(problem && { problem: { file: problem.file, message: problem.message } }),
  };
}

/** Whether what readers see keeps the application's own rules. */
async function contentsOf(view: View, profile: Profile): Promise<ContentsReport> {
  const counts = { error: 0, warning: 0, note: 0 };
  const findings: Finding[] = [];
  await profile.check(view, (finding) => {
    counts[finding.severity]++;
    if (finding.severity !== 'note' && findings.length < KEPT) findings.push(finding);
  });
  const { error: errors, warning: warnings, note: notes } = counts;
  return { coherent: errors + warnings === 0, errors, warnings, notes, findings };
}
