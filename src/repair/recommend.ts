import type { Profile } from '../app/profile.js';
import { type Database, liveWals } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { formatVersion } from '../engine/version.js';
import type { Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import type {
  ApplicationReport,
  LostCommandsReport,
  RecommendationReport,
  RecoveryReport,
} from '../report/report.js';
import { logFindings } from '../scan/log-findings.js';
import { exportCommand } from '../scan/refused-formats.js';
import { simulateDatabase } from '../scan/simulate-database.js';
import { databaseAfter } from './preview.js';
import { Refusal } from './refusal.js';
import { planHeal } from './strategies/heal.js';
import { planWalRepair } from './strategies/wal-mode.js';

/** Refusals that no work on WALs takes away. */
const NOT_ABOUT_WALS: ReadonlySet<string> = new Set([
  'manifest',
  'table',
  'io',
  'unsupported',
  'size-mismatch',
  'missing-file',
]);

/** The way out to try first, and why. `findings`: what a scan found, so that the WALs are not checked for it again. */
export async function recommendation(
  database: Database,
  modes: readonly RecoveryReport[],
  salvage?: RecoveryReport,
  {
    profile,
    rebuild,
    findings,
  }: { profile?: Profile; rebuild?: ApplicationReport['rebuild']; findings?: readonly Finding[] } = {},
): Promise<RecommendationReport> {
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (own.harmless) return { reason: nothingToDo(own, modes) };
  const notAboutWals = modes.every(({ errorKind }) => NOT_ABOUT_WALS.has(errorKind ?? ''));
  const healed = notAboutWals ? undefined : await healedLogs(database, findings);
  if (rebuild?.command !== undefined && !healed?.harmless)
    return { command: rebuild.command, reason: rebuild.detail };
  if (own.unreadable !== undefined && keepsLogs(own)) {
    return {
      command: command(database, 'repair', '--strategy auto'),
      reason: 'The WALs lose nothing; what cannot be read lies in tables or blob files.',
    };
  }
  if (modes.every(({ errorKind }) => errorKind === 'unsupported')) {
    return {
      command: exportCommand(database),
      reason: `RocksDB ${formatVersion(database.engineVersion)} does not read what a newer release wrote (${own.error}). The release that wrote it opens it; an export writes a new database that this one reads.`,
    };
  }
  if (notAboutWals) {
    return {
      command: command(database, 'repair', '--strategy auto'),
      reason: `What stands in the way is not the contents of a WAL (${own.error}): the plan of a repair tells what the files can still give.`,
    };
  }
  if (healed?.harmless) {
    return {
      command: command(database, 'repair', '--strategy heal'),
      reason: `What the damaged bytes were is proven: healing puts them back, up to sequence ${healed.lastSequence}, and nothing of the WALs is lost.`,
    };
  }
  const point = await consistentPoint(database, profile);
  const kept = operationsKept;
  const salvaged = salvage?.opens ? kept(salvage) : 0;
  const unproven = salvage?.unproven ?? 0;
  const guessed = unproven > 0 ? `, ${unproven} of them not proven` : '';
  if ('refusal' in point) {
    const skipping = modes.find(({ mode }) => mode === 'skip-any-corrupted');
    const added = unproven > 0 ? `; salvage would add ${unproven} that nothing proves` : '';
    // what an engine's own mode keeps is proven: a salvage that only adds guesses is not worth it
    if (skipping?.opens && kept(skipping) >= salvaged - unproven) {
      const reason = `${capital(point.refusal)}. --mode skip-any-corrupted keeps ${counted(kept(skipping), 'operation')} of the WALs, over a hole, and invents nothing${added}.`;
      return { command: command(database, 'repair', '--mode skip-any-corrupted'), reason };
    }
    if (salvage?.opens) {
      const reason = `${capital(point.refusal)}. Salvage keeps ${counted(salvaged, 'operation')} of the WALs${guessed}, over a hole.`;
      return { command: command(database, 'repair', '--strategy salvage'), reason };
    }
    return { command: command(database, 'repair', '--strategy auto'), reason: `${capital(point.refusal)}.` };
  }
  const consistent = kept(point.opened);
  if (consistent === 0 && salvaged > unproven) {
    return {
      command: command(database, 'repair', '--strategy salvage'),
      reason: `The damage is so early that the last consistent point keeps nothing of the WALs; salvage keeps ${counted(salvaged, 'operation')}${guessed}, over a hole.`,
    };
  }
  const more =
    salvaged > consistent ? ` Salvage would keep ${salvaged - consistent} more${guessed}, over a hole.` : '';
  const readsOn = goesOver(modes.find(({ mode }) => mode === 'point-in-time'));
  const what = readsOn
    ? 'over a hole, as this release reads on after the damage: no state'
    : 'the last state';
  return {
    command: command(database, 'repair', '--mode point-in-time'),
    reason: `It ends the WALs at sequence ${point.opened.lastSequence}, ${what} that the database was really in, with ${counted(consistent, 'operation')} of the WALs.${more}`,
    ...(point.lost && { lost: point.lost }),
  };
}

/** Whether a mode opens, gives up damaged bytes, and stops nowhere. */
function goesOver(mode: RecoveryReport | undefined): boolean {
  if (mode?.opens !== true || !mode.lost.damagedBytes) return false;
  return mode.wals?.some(({ state }) => state === 'stopped' || state === 'dropped') === false;
}

/** What a mode takes from the WALs. */
export function operationsKept({ wals = [] }: RecoveryReport): number {
  return wals.reduce((sum, wal) => sum + wal.operations, 0);
}

/** Nothing of the WALs is lost that was acknowledged. */
function keepsLogs({ lost, flushFails }: RecoveryReport): boolean {
  return lost.records === 0 && lost.damagedBytes === 0 && flushFails === undefined;
}

/** What the own mode would do once what is proven of damaged WALs is put back; `undefined` where nothing is. */
async function healedLogs(
  database: Database,
  known: readonly Finding[] | undefined,
): Promise<RecoveryReport | undefined> {
  const wals = liveWals(database);
  const findings =
    known?.filter(({ file, root }) => wals.some((wal) => wal.file === file && wal.root === root)) ??
    (await logFindings(database));
  const plan = await planHeal(database, { findings, once: true });
  if (plan.steps.length === 0) return undefined;
  const after = await simulateDatabase(await databaseAfter(database, plan));
  return after.find(({ own }) => own);
}

function nothingToDo(own: RecoveryReport, modes: readonly RecoveryReport[]): string {
  if (modes.every(({ harmless }) => harmless))
    return 'Nothing is to be repaired: it opens in every mode and loses nothing.';
  return `Nothing is to be repaired: in its own mode, ${own.mode}, it opens and loses nothing that was acknowledged.`;
}

/** What `repair --mode point-in-time` would leave, or why it refuses. */
async function consistentPoint(
  database: Database,
  profile: Profile | undefined,
): Promise<{ opened: RecoveryReport; lost?: LostCommandsReport } | { refusal: string }> {
  try {
    const plan = await planWalRepair(database, { mode: 'point-in-time', ...(profile && { profile }) });
    const after = await simulateDatabase(await databaseAfter(database, plan));
    const opened = after.find(({ opens }) => opens);
    if (opened === undefined)
      return { refusal: 'A repair to the last consistent point does not lead to a database that opens' };
    const lost = plan.loss.find(({ facts }) => facts.commands !== undefined)?.facts.commands;
    return { opened, ...(lost !== undefined && { lost: lost as unknown as LostCommandsReport }) };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.message };
    throw error;
  }
}

function command(database: Database, name: string, how = ''): string {
  const dry = name === 'repair' ? ['--dry-run'] : [];
  return commandOn(database, [name, ...(how ? [how] : []), ...dry].join(' '));
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
