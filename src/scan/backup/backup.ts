import { backupLayout } from '../../check/backup/layout.js';
import type { Depth } from '../../check/unit.js';
import type { DatabaseRequest } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import type { Listing } from '../../io/listing.js';
import { openSource } from '../../io/source.js';
import { ChecksummingSource } from '../../io/wrappers.js';
import { severityJudge } from '../cross.js';
import type { ScanOptions } from '../options.js';
import { portable } from '../shards/report.js';
import type { Subject } from '../subject.js';
import { AT_REST } from './check.js';
import { type BackupScene, concludeBackups, headOf, leastFirst } from './conclude.js';
import { backupFileReports } from './files.js';
import { type BackupPlan, planBackups } from './plan.js';
import { type BackupView, claimedBackups, viewBackup } from './view.js';

/** The backups of a BackupEngine directory, their metadata read. */
export async function backupSubject(listing: Listing, options: ScanOptions): Promise<Subject> {
  const { scene, plan } = await lookAt(listing, options);
  const { views } = scene;
  return {
    report: headOf(listing, views),
    units: plan.units,
    checksContents: false,
    judged: judgeBackups(plan),
    conclude: (outcomes) => concludeBackups(scene, plan, outcomes),
    shards: {
      // what is wrong with backups, rather than with files, the merge tells
      async complete(report, files) {
        const read = new Set(files.map(({ entry }) => entry.file));
        report.files = backupFileReports(listing, views, files, report).filter(({ path }) => read.has(path));
      },
      async metadata() {
        const databases = await Promise.all(views.map(({ database }) => portable(database)));
        return { ...scene, views: views.map((view, i) => ({ ...view, database: databases[i] })) };
      },
    },
  };
}

/** Reads the metadata of the backups that were asked for, and plans what there is to read. */
async function lookAt(
  listing: Listing,
  { depth = 'full', engineVersion, backups: wanted }: ScanOptions,
): Promise<{ scene: BackupScene; plan: BackupPlan }> {
  const request: DatabaseRequest = engineVersion === undefined ? {} : { engineVersion };
  const layout = backupLayout(listing);
  const claimed = await claimedBackups(layout);
  const views: BackupView[] = [];
  for (const parts of layout.backups) {
    if (wanted === undefined || wanted.includes(parts.id))
      views.push(await viewBackup(listing, parts, layout.shared, request, claimed));
  }
  const plan = await planBackups(views, depth);
  const units = new Set(plan.units.map(({ entry }) => entry.file));
  const checksums = await checksumsOfMetadata(listing, views, units, depth);
  return { scene: { listing, views, ...(wanted && { wanted }), checksums }, plan };
}

/** What is found in a file counts once for all backups that have it, with the worst severity that it has in one of them. */
function judgeBackups(plan: BackupPlan): Subject['judged'] {
  const judges = new Map<BackupView, ReturnType<typeof severityJudge>>();
  const judgeOf = (view: BackupView) => {
    const known = judges.get(view) ?? severityJudge(view.database, AT_REST);
    judges.set(view, known);
    return known;
  };
  return (unit, findings) => {
    // of remains of a backup it is said that they are that, and no more
    const owners = plan.ownersOf(unit).filter(({ view }) => !view.unfinished);
    if (owners.length === 0) return [];
    const backups = owners.map(({ view }) => view.parts.id);
    return findings.map((found) => {
      const judged = owners.map(({ view, entry }) => judgeOf(view)(entry, found));
      const worst = judged.reduce((a, b) => (rank(b) > rank(a) ? b : a));
      return { ...worst, evidence: { backups, ...worst.evidence } };
    });
  };
}

const rank = ({ severity }: Finding) => leastFirst.indexOf(severity);

/**
 * CRC-32C of every file that a backup lists and that needs no unit: MANIFEST, CURRENT, OPTIONS. Tables, WALs and blob files bring
 * theirs from their check.
 */
async function checksumsOfMetadata(
  listing: Listing,
  views: readonly BackupView[],
  units: ReadonlySet<string>,
  depth: Depth,
): Promise<Map<string, number>> {
  const checksums = new Map<string, number>();
  if (depth === 'structure') return checksums;
  for (const path of new Set(views.flatMap(({ listed }) => [...listed.keys()]))) {
    const file = listing.files.get(path);
    if (file === undefined || units.has(path)) continue;
    const crc = await checksumOf(file.source);
    if (crc !== undefined) checksums.set(path, crc);
  }
  return checksums;
}

/** `undefined` where the file cannot be read: reading it as metadata has said so. */
async function checksumOf(descriptor: Parameters<typeof openSource>[0]): Promise<number | undefined> {
  try {
    const source = new ChecksummingSource(await openSource(descriptor));
    try {
      return await source.checksum();
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
