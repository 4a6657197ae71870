import { describe, expect, test } from 'vitest';
import { type FileSet, fixture } from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';
import { repaired } from '../../support/second-source.js';

/*
 * A master and a replica of Kvrocks whose histories part at sequence 51 (apache/kvrocks#462): `SET test` wrote 111 on one and 222 on
 * the other. All other batches are the same, and so are the MANIFESTs. The identities differ.
 */
const master = fixture('kvrocks-master/db');
const replica = fixture('kvrocks-replica/db');
/** The log with its number, and where the record of sequence 51 stands. */
const LOG = '000010.log';
const PARTED = 0xb10;

const damaged = (...patches: string[]) => applyPatches(new Map(master), patches);

describe('where histories part', () => {
  test.each([
    ['one byte of the record', [`write ${LOG} ${PARTED + 45} 78`]],
    ['its checksum and one byte', [`write ${LOG} ${PARTED} 0102`, `write ${LOG} ${PARTED + 45} 78`]],
    ['all but its value', [`zero ${LOG} ${PARTED} 48`]],
  ])('nothing is taken for %s', async (_, patches) => {
    const files: FileSet = await damaged(...patches);
    const { after, plan } = await repaired(files, [replica]);
    expect(plan.steps).toEqual([]);
    expect(after).toEqual(files);
  });
});
