import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { shellWord } from '../finding/shell-word.js';
import { openSource } from '../io/source.js';
import { currentThatFollows } from './current.js';
import { completeImpact } from './database-impact.js';
import { type FileContext, fileCause } from './file-causes.js';
import { diagnoseManifest } from './manifest.js';

/** Findings about the MANIFEST whose cause is sought: each takes another replay. */
const MOST_IN_MANIFEST = 16;

const CURRENT_RULES = new Set([
  'directory/current-missing',
  'directory/current-no-newline',
  'directory/current-malformed',
]);

/**
 * Says why of what only the whole directory tells: CURRENT, the MANIFEST, files that are missing, cut or under a wrong
 * name. Sets `cause` and `impact` of findings that have none yet.
 */
export async function diagnoseDatabase(findings: readonly Finding[], context: FileContext): Promise<void> {
  await quietly(() => diagnoseManifests(findings, context));
  for (const finding of findings) {
    completeImpact(finding, context.database);
    if (finding.cause !== undefined) continue;
    if (CURRENT_RULES.has(finding.rule)) {
      await quietly(async () => {
        finding.cause = (await currentThatFollows(context.database))?.cause;
      });
    }
    finding.cause ??= fileCause(finding, context);
    if (finding.cause === undefined) delete finding.cause;
  }
  for (const finding of findings) suggestHealing(finding, context.database);
}

/** What is proven can be put back. */
function suggestHealing(finding: Finding, { target }: Database): void {
  const { cause, rule, severity } = finding;
  const isCurrent = CURRENT_RULES.has(rule) && cause?.certainty === 'proven';
  if (severity === 'note' || (cause?.restores !== true && !isCurrent)) return;
  finding.next = `kvdoctor repair --strategy heal --dry-run ${shellWord(target)}`;
}

async function diagnoseManifests(findings: readonly Finding[], { database }: FileContext): Promise<void> {
  const { manifest } = database;
  const own = findings.filter((f) => f.rule.startsWith('manifest/') && f.file === manifest?.entry.file);
  if (manifest === undefined || own.length === 0) return;
  const source = await openSource(manifest.entry.source);
  try {
    for (const finding of own.slice(0, MOST_IN_MANIFEST))
      await diagnoseManifest(source, finding, manifest.replay);
  } finally {
    await source.close();
  }
}

/** A medium that fails leaves findings without a cause. */
async function quietly(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}
