import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Cause, Finding } from '../finding/finding.js';
import type { LiveTables } from './live-tables.js';

/** What causes of findings about whole files rest on. */
export interface FileContext {
  database: Database;
  /** By the inventory's `file`. */
  facts: ReadonlyMap<string, UnitFacts>;
  tables: LiveTables;
  /** Nobody was writing: a backup or a checkpoint. */
  atRest: boolean;
}

/** Tells the cause of findings of one rule. */
export type CauseRule = (finding: Finding, context: FileContext) => Cause | undefined;

/** A cause in one line. */
export const cause = (
  kind: string,
  certainty: Cause['certainty'],
  detail: string,
  basis?: string,
): Cause => ({
  kind,
  certainty,
  detail,
  ...(basis === undefined ? {} : { basis }),
});
