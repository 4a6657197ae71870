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

  /** `profiling`: the application may still be looked for while the first files are read. */
  constructor(
    private readonly pass: RunHooks['onUnit'],
    private readonly database: Database,
    private readonly profiling: Promise<Profile | undefined>,
  ) {}

  readonly onUnit = (unit: PlannedUnit, findings: readonly Finding[], facts?: UnitFacts): void => {
    if (this.pass === undefined || findings.length === 0) return;
    const passed = this.say(unit, findings, facts).then(() => this.pass?.(unit, findings, facts));
    // what is wrong with it is told by `end`
    passed.catch(() => {});
    this.pending.push(passed);
  };

  private async say(
    { entry }: PlannedUnit,
    findings: readonly Finding[],
    facts: UnitFacts | undefined,
  ): Promise<void> {
    const profile = await this.profiling;
    if (profile === undefined) return;
    for (const finding of findings) nameKeys(finding, this.database, profile);
    await sayWhatWasWritten(findings, facts, entry.source, profile);
  }

  /** All findings have been passed on. Rejects with what kept one from it. */
  async end(): Promise<void> {
    await Promise.all(this.pending);
  }
}
