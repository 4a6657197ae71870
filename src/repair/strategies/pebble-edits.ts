import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { emptyEdit, type NewFile } from '../../format/manifest/edit.js';
import { readManifestLog } from '../../format/manifest/log.js';
import { pebbleOwnTags, tags } from '../../format/manifest/tags.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import type { FreeNumbers } from './metadata-write.js';

/** The payloads of the edits of a MANIFEST that are whole. */
export async function wholeEdits(database: Database, entry: InventoryEntry): Promise<Uint8Array[]> {
  const edits: Uint8Array[] = [];
  const source = await filesOf(database).open(entry.source);
  try {
    await readManifestLog(source, {
      record: ({ payload }) => {
        edits.push(payload.slice());
      },
      damage: () => {},
      oversized: () => {},
    });
  } finally {
    await source.close();
  }
  return edits;
}

/** The MANIFEST with one edit more, which takes the tables of `version` in place of those of `old`. */
export async function tableEditSteps(
  database: Database,
  old: Version,
  version: Version,
  numbers: FreeNumbers,
): Promise<RepairStep[]> {
  const { manifest } = database;
  if (manifest === undefined || !manifest.replay.complete)
    throw new Refusal(
      'refused',
      'tables cannot be replaced while the MANIFEST is damaged',
      'repair --strategy auto puts it right first',
    );
  const before = old.columnFamilies.get(0)!.tables;
  const after = version.columnFamilies.get(0)!.tables;
  const removed = [...before.values()].filter((table) => after.get(table.number) !== table);
  const added = [...after.values()].filter((table) => before.get(table.number) !== table);
  // entries that were given a sequence which the MANIFEST did not know hide what is written below it
  let highest = 0n;
  for (const { largestSequence } of added) if (largestSequence > highest) highest = largestSequence;
  const used = new Set([...after.values()].map(({ backing }) => backing));
  const edit = {
    ...emptyEdit(),
    deletedFiles: removed.map(({ level, number }) => ({ level, number, offset: 0, length: 0 })),
    newFiles: added.map(newFile),
    removedBackings: [...old.backings.keys()].filter((number) => !used.has(number)),
    nextFileNumber: numbers.next(),
    ...(highest > (old.lastSequence ?? 0n) && { lastSequence: highest }),
  };
  const edits = await wholeEdits(database, manifest.entry);
  const bytes = encodeLogRecords([...edits, encodeVersionEdit(edit)]);
  const detail = `one edit more, which lets go of ${removed.length} tables and adds ${added.length}`;
  return [
    {
      action: 'write',
      path: manifest.entry.file,
      why: 'the tables change',
      changes: [{ kind: 'rewrite', offset: 0, length: manifest.entry.size, detail }],
      content: [{ from: 'plan', bytes }],
    },
  ];
}

/** A table as an edit names it that is made here. */
export function newFile(table: LiveTable): NewFile {
  const { level, number, size, smallest, largest, smallestSequence, largestSequence } = table;
  const { points, rangeKeys } = table;
  return {
    tag: rangeKeys === undefined ? tags.newFile2 : pebbleOwnTags.newFile5,
    ...{ level, number, size, smallest, largest, smallestSequence, largestSequence },
    ...(points && { points }),
    ...(rangeKeys && { rangeKeys }),
    pathId: 0,
    unknown: [],
    offset: 0,
    length: 0,
  };
}
