import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { Cause, Finding } from '../finding/finding.js';
import { renameAndScan } from '../finding/shell-word.js';
import { openSource } from '../io/source.js';
import type { FileContext } from './cause-rule.js';
import { currentThatFollows } from './current.js';
import { completeImpact } from './database-impact.js';
import { fileCause } from './file-causes.js';
import { LiveTables } from './live-tables.js';
import { diagnoseManifest } from './manifest.js';

const CURRENT_RULES = new Set([
  'directory/current-missing',
  'directory/current-no-newline',
  'directory/current-malformed',
]);

/**
 * Says why of what only the whole directory tells: CURRENT, the MANIFEST, files that are missing, cut or under a wrong
 * name. Sets `cause` and `impact` of findings that have none yet.
 */
export async function diagnoseDatabase(
  findings: readonly Finding[],
  directory: Omit<FileContext, 'tables'>,
): Promise<void> {
  const tables = new LiveTables(directory.database.version, directory.facts);
  const context = { ...directory, tables };
  await quietly(() => diagnoseManifests(findings, context));
  for (const finding of findings) {
    if (finding.cause === undefined && CURRENT_RULES.has(finding.rule)) {
      await quietly(async () => {
        setCause(finding, (await currentThatFollows(context.database))?.cause);
      });
    }
    if (finding.cause === undefined) setCause(finding, fileCause(finding, context));
    Object.assign(finding, placedIn(finding, context.database, tables));
  }
}

function setCause(finding: Finding, cause: Cause | undefined): void {
  if (cause !== undefined) finding.cause = cause;
}

/**
 * A finding of one file, completed by what the database it stands in tells: names, other versions of lost keys, the command
 * that puts back what is proven.
 */
export function placedIn(finding: Finding, database: Database, tables: LiveTables): Finding {
  const { cause, rule, severity } = finding;
  const impact = completeImpact(finding, database, tables);
  // without a MANIFEST there is none that it could name
  const isCurrent =
    CURRENT_RULES.has(rule) && cause?.certainty === 'proven' && database.manifest !== undefined;
  // without their database WALs cannot be repaired
  const repairable = severity !== 'note' && database.detection.kind !== 'wals';
  const heals = repairable && (cause?.restores === true || isCurrent);
  const exchange = repairable ? exchangeOf(cause, database) : undefined;
  return {
    ...finding,
    ...(impact && { impact }),
    ...(exchange !== undefined && { next: exchange }),
    ...(heals && { next: commandOn(database, 'repair --strategy heal --dry-run') }),
  };
}

/** What gives two files that hold each other's content each other's names. */
function exchangeOf(cause: Cause | undefined, database: Database): string | undefined {
  if (cause?.exchange === undefined) return undefined;
  const [one, other] = cause.exchange.map((name) => {
    const source = database.inventory.entries.find(
      ({ file, kind }) => file === name && kind === 'wal',
    )?.source;
    return source?.kind === 'file' ? String(source.path) : undefined;
  });
  if (one === undefined || other === undefined) return undefined;
  const aside = `${one}.exchanged`;
  return renameAndScan(commandOn(database, 'scan'), [one, aside], [other, one], [aside, other]);
}

async function diagnoseManifests(findings: readonly Finding[], { database }: FileContext): Promise<void> {
  const { manifest } = database;
  const own = findings.filter((f) => f.rule.startsWith('manifest/') && f.file === manifest?.entry.file);
  if (manifest === undefined || own.length === 0) return;
  const source = await openSource(manifest.entry.source);
  try {
    await diagnoseManifest(source, own, manifest.replay);
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
