import type { Profile } from '../app/profile.js';
import type { UnitFacts } from '../check/unit.js';
import { nameKeys } from '../diagnose/application.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { sayWhatWasWritten } from './application.js';
import type { PlannedUnit } from './plan.js';
import type { RunHooks } from './run.js';

/** Passes findings on as soon as they are said in the application's words, for which a damaged batch is read again. */
export class FindingStream {
  private readonly pending: Promise<void>[] = [];

  constructor(
    private readonly pass: RunHooks['onUnit'],
    private readonly database: Database,
    private readonly profile: Profile | undefined,
  ) {}

  readonly onUnit = (unit: PlannedUnit, findings: readonly Finding[], facts?: UnitFacts): void => {
    const { pass, profile } = this;
    if (pass === undefined) return;
    if (profile === undefined || findings.length === 0) pass(unit, findings, facts);
    else this.pending.push(this.say(unit, findings, facts, profile).then(() => pass(unit, findings, facts)));
  };

  private async say(
    { entry }: PlannedUnit,
    findings: readonly Finding[],
    facts: UnitFacts | undefined,
    profile: Profile,
  ): Promise<void> {
    for (const finding of findings) nameKeys(finding, this.database, profile);
    await sayWhatWasWritten(findings, facts, entry.source, profile);
  }

  /** All findings have been passed on. */
  async end(): Promise<void> {
    await Promise.all(this.pending);
  }
}
