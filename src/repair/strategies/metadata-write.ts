import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import { snapshotEdits } from '../../encode/manifest/snapshot.js';
import type { Database } from '../../engine/database.js';
import { fileName } from '../../format/filename.js';
import type { Version } from '../../format/manifest/version.js';
import type { RepairStep } from '../plan.js';

/** Gives out file numbers that no file of the directory has and no file that the MANIFEST names. */
export class FreeNumbers {
  private last = 0n;

  constructor({ inventory, version }: Database) {
    const numbers = [...inventory.entries, ...inventory.unlistable].map(({ number }) => number ?? 0n);
    // a number of 64 bits is damage, and leaves none above it
    this.note(...numbers.filter((number) => number < LARGEST));
    this.note((version?.nextFileNumber ?? 0n) - 1n);
    for (const family of version?.columnFamilies.values() ?? []) {
      this.note(family.logNumber, ...family.tables.keys(), ...family.blobFiles.keys());
    }
  }

  next(): bigint {
    this.last++;
    return this.last;
  }

  private note(...numbers: bigint[]): void {
    for (const number of numbers) if (number > this.last && number < LARGEST) this.last = number;
  }
}

const LARGEST = 1n << 62n;

/** Steps that make `version` the current one: a fresh MANIFEST, and CURRENT that names it. The old MANIFEST stays where it is. */
export function versionSteps(
  database: Database,
  version: Version,
  numbers: FreeNumbers,
  why: string,
): RepairStep[] {
  const number = numbers.next();
  const name = fileName('manifest', number);
  const complete = database.manifest?.replay.complete ?? false;
  const only = version.columnFamilies.get(0);
  if (only !== undefined && database.impliedComparator !== undefined)
    only.comparator ||= database.impliedComparator;
  const edits = snapshotEdits(version, {
    dialect: database.dialect,
    nextFileNumber: number + 1n,
    trackWals: complete,
  });
  const bytes = encodeLogRecords(edits.map(encodeVersionEdit));
  return [
    {
      action: 'write',
      path: name,
      why,
      changes: [
        {
          kind: 'create-file',
          offset: 0,
          length: bytes.length,
          detail: edits.length === 1 ? 'one edit' : `${edits.length} edits`,
        },
      ],
      content: [{ from: 'plan', bytes }],
    },
    currentStep(database, name, 'it names the new MANIFEST'),
  ];
}

/** CURRENT with the name of a MANIFEST. */
export function currentStep({ current }: Database, name: string, why: string): RepairStep {
  const bytes = Buffer.from(`${name}\n`);
  const size = current?.entry.size;
  return {
    action: 'write',
    path: 'CURRENT',
    why,
    changes: [
      {
        kind: size === undefined ? 'create-file' : 'rewrite',
        offset: 0,
        length: size ?? bytes.length,
        detail: `the name ${name} and a newline`,
      },
    ],
    content: [{ from: 'plan', bytes }],
  };
}
