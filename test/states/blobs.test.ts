import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../src/encode/manifest/snapshot.js';
import { readDatabase } from '../../src/engine/database.js';
import { emptyEdit } from '../../src/format/manifest/edit.js';
import { scanTarget } from '../../src/scan/scan.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { withDatabase } from '../support/database.js';
import { repairedCopy } from '../support/repaired-copy.js';

/* Blob files of directories whose MANIFEST has lost edits. */

async function errorsOf(dir: string) {
  return (await scanTarget(dir, {})).findings.filter(({ severity }) => severity === 'error');
}

async function digestOf(dir: string): Promise<string | undefined> {
  const [strictest] = await simulateDatabase(await readDatabase(dir), { digest: true });
  return strictest.columnFamilies?.[0].fnv1a64;
}

/** Writes a MANIFEST that names its tables in one edit and the blob files of these in another one before, which is lost. */
async function loseBlobEdit(dir: string): Promise<void> {
  const { version } = await readDatabase(dir);
  const edits = snapshotEdits(version!, { nextFileNumber: 20n });
  const at = edits.findIndex(({ blobFileAdditions }) => blobFileAdditions.length > 0);
  const { blobFileAdditions, blobFileGarbages } = edits[at];
  edits[at] = { ...edits[at], blobFileAdditions: [], blobFileGarbages: [] };
  const records = edits.map(encodeVersionEdit);
  const lost = encodeVersionEdit({ ...emptyEdit(), columnFamily: 0, blobFileAdditions, blobFileGarbages });
  const before = encodeLogRecords(records.slice(0, at)).length;
  const bytes = encodeLogRecords([...records.slice(0, at), lost, ...records.slice(at)]);
  bytes.fill(0, before + 7, before + 7 + lost.length);
  writeFileSync(path.join(dir, 'MANIFEST-000005'), bytes);
}

describe('a MANIFEST that has lost the edit of blob files', () => {
  it('is not followed, and they are found by the tables that refer to them', () =>
    withDatabase('blob-7.8', [], async (dir) => {
      const whole = await digestOf(dir);
      await loseBlobEdit(dir);
      const { output } = await repairedCopy(dir);
      expect(await errorsOf(output)).toEqual([]);
      expect(await digestOf(output)).toBe(whole);
    }));

  it('is not followed where one of them is gone, too', () =>
    withDatabase('blob-7.8', ['remove 000013.blob'], async (dir) => {
      await loseBlobEdit(dir);
      const { report, output } = await repairedCopy(dir);
      expect(report.plan?.loss.map(({ file }) => file)).toContain('000013.blob');
      expect(await errorsOf(output)).toEqual([]);
    }));
});

describe('a table of a flush that did not end', () => {
  it('is left out where its blob file holds nothing, and named', () =>
    withDatabase('blob-7.8', ['remove MANIFEST-000005', 'remove CURRENT'], async (dir) => {
      truncateSync(path.join(dir, '000013.blob'), 0);
      const { report } = await repairedCopy(dir);
      const statement = report.plan?.loss.find(({ file }) => file === '000014.sst');
      expect(statement?.detail).toContain('a table of a flush or compaction that did not end');
    }));
});
