import type { Database } from '../engine/database.js';
import { isDenied } from '../io/file-user.js';
import { databaseView } from '../recovery/database-view.js';
import { ownMode } from '../recovery/mode.js';
import { simulateRecovery } from '../recovery/simulate.js';
import type { OpeningReport, RecoveryReport } from '../report/report.js';

/**
 * What the engine does with a database in its own mode: a whole simulation's word where one was made, else that of this mode.
 * `undefined`: this user may not read all that the engine would.
 */
export async function openingOf(
  database: Database,
  recovery: readonly RecoveryReport[] | undefined,
): Promise<OpeningReport | undefined> {
  const known = recovery?.find(({ own }) => own);
  if (known !== undefined) {
    const { mode, opens, error, errorFile, lost } = known;
    return {
      mode,
      opens,
      ...(error !== undefined && { error }),
      ...(errorFile !== undefined && { errorFile }),
      ...(opens && { lost: { records: lost.records ?? 0, operations: lost.operations ?? 0 } }),
    };
  }
  const mode = ownMode(database);
  const simulated = await unlessDenied(
    simulateRecovery(databaseView(database), database.engineVersion, { modes: [mode] }),
  );
  if (simulated === undefined) return undefined;
  const [own] = simulated.modes;
  const { opens, errorText, errorFile, lost } = own;
  return {
    mode,
    opens,
    ...(errorText !== undefined && { error: errorText }),
    ...(errorFile !== undefined && { errorFile }),
    ...(lost && { lost: { records: lost.records, operations: lost.operations } }),
  };
}

/** `undefined`: a file may not be read by this user, and the server's may. */
async function unlessDenied<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}
