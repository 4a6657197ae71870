import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { fileName } from '../../format/filename.js';
import { copyOfVersion, type Version } from '../../format/manifest/version.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';
import type { State, States } from '../../states/state.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { correctTables } from './leveldb-tables.js';
import { FreeNumbers, versionSteps } from './metadata-write.js';

/** What is said of a MANIFEST whose files are all here and whose numbers do not fit them. */
const NUMBERS: ReadonlySet<string> = new Set([
  'manifest/log-number',
  'manifest/file-number',
  'manifest/file-added-twice',
  'manifest/deleted-file-not-live',
  'manifest/torn-tail',
  'manifest/table-bounds',
  'sequence/last-sequence-too-low',
  'manifest/unknown-comparator',
]);

/**
 * Puts the numbers of a LevelDB MANIFEST right, which LevelDB believes: a last sequence below the tables' hides entries, a log number
 * above the WALs' deletes them, a next file number below the files' overwrites them. A WAL of another history leaves, and one that
 * is gone begins anew, empty.
 */
export async function correctNumbers(
  database: Database,
  state: State,
  states: States,
  findings: readonly Finding[],
): Promise<Pick<RepairPlan, 'steps' | 'loss' | 'remarks'>> {
  const { version: own, wals } = state;
  const { wals: found } = states;
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const remarks: string[] = [];
  const strange = findings.filter(
    ({ rule, severity }) => rule === 'directory/stray-wal' && severity === 'error',
  );
  for (const { file } of strange) {
    const wal = found.find(({ entry }) => entry.file === file);
    if (wal === undefined) continue;
    const { entry, operations, first, last } = wal;
    steps.push({
      action: 'remove',
      path: file,
      why: 'it is of another history, and LevelDB would merge it into this one',
      changes: [{ kind: 'remove-file', offset: 0, length: entry.size, detail: 'all of it' }],
    });
    loss.push({
      file,
      detail: `all of it: ${operations} operations that were not written to this database`,
      facts: {
        operations,
        ...(first !== undefined && { firstSequence: String(first), lastSequence: String(last) }),
      },
    });
  }
  const numbers = new FreeNumbers(database);
  const gone = findings.find(
    ({ rule, severity }) => rule === 'directory/missing-wal' && severity === 'error',
  );
  const logNumber = own.columnFamilies.get(0)?.logNumber ?? 0n;
  if (gone !== undefined && gone.file === fileName('wal', logNumber)) {
    steps.push({
      action: 'write',
      path: gone.file,
      why: 'the MANIFEST begins with it, and it is not here: LevelDB gets an empty one',
      changes: [{ kind: 'create-file', offset: 0, length: 0, detail: 'an empty WAL' }],
      content: [],
    });
    loss.push({ file: gone.file, detail: 'what it held, which nothing here tells', facts: {} });
  }
  const wrong = findings.filter(({ rule, severity }) => NUMBERS.has(rule) && severity !== 'note');
  const tables = await correctTables(database, state, states, findings);
  if (wrong.length === 0 && tables === undefined) return { steps, loss, remarks };
  const version = tables?.version ?? copyOfVersion(own);
  loss.push(...(tables?.loss ?? []));
  remarks.push(...(tables?.remarks ?? []));
  const family = version.columnFamilies.get(0)!;
  if (wrong.some(({ rule, severity }) => rule === 'manifest/unknown-comparator' && severity === 'error')) {
    remarks.push(
      `nothing shows that the keys stand in another order than that of their bytes, and nearly every program takes LevelDB's own comparator: the MANIFEST names it instead of ${family.comparator}. If your program brings ${family.comparator}, do not take this repair`,
    );
    family.comparator = comparatorNamed().name;
  }
  const reached = highestSequence(version);
  if (wrong.some(({ rule }) => rule === 'manifest/log-number')) {
    const needed = found.find(
      ({ entry, last }) => entry.place === 'database' && last !== undefined && last > reached,
    );
    const number = needed?.number ?? wals.at(-1)?.number;
    if (number !== undefined) family.logNumber = number;
  }
  remarks.push(...wrong.map(({ message }) => `put right: ${message}`));
  return {
    steps: [
      ...steps,
      ...versionSteps(
        { ...database, version },
        version,
        numbers,
        tables === undefined ? 'its numbers fit the files' : 'its tables are those that belong to it',
      ),
    ],
    loss,
    remarks,
  };
}

/** The highest sequence of the tables that say theirs. */
function highestSequence({ columnFamilies }: Version): bigint {
  const tables = [...(columnFamilies.get(0)?.tables.values() ?? [])];
  return tables.reduce(
    (most, { largestSequence: own }) => (own < MAX_SEQUENCE && own > most ? own : most),
    0n,
  );
}
