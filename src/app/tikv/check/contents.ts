import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import type { TikvLayout } from '../layout.js';
import type { TikvFamily } from '../region-text.js';
import { TIMESTAMP } from '../timestamp.js';
import { FamilyCursor } from './family-cursor.js';
import { OutsideRegions } from './outside.js';
import { KeyVersions, OrphanValues } from './versions.js';

/** API V2, in which the first byte of a key says what it is: raw data begins with `r`. */
const API_V2 = 2n;
const RAW = 0x72;

/**
 * All data in one walk through the three column families, key by key in order: in a region, and its writes, locks and values
 * belonging together. Holds the versions of one key.
 */
export async function checkData(view: View, layout: TikvLayout, reported: Reported): Promise<void> {
  const ids = new Map([...layout.families].map(([id, name]): [TikvFamily, number] => [name, id]));
  const [values, locks, writes] = [
    new FamilyCursor(view, ids.get('default')!, TIMESTAMP),
    new FamilyCursor(view, ids.get('lock')!, 0),
    new FamilyCursor(view, ids.get('write')!, TIMESTAMP),
  ];
  const cursors = [values, locks, writes];
  try {
    for (const cursor of cursors) await cursor.step();
    // a store of raw keys has neither writes nor locks, and its keys have no form of TiKV's
    const transactions = !writes.done || !locks.done;
    const hasV2 = layout.store.ident?.apiVersion === API_V2;
    const outside = new OutsideRegions(layout, reported);
    const orphans = new OrphanValues(reported);
    const versions = new KeyVersions(reported, orphans);
    let user: Uint8Array = new Uint8Array(256);
    for (;;) {
      const first = firstOf(cursors);
      if (first === undefined) break;
      const length = first.userTo;
      if (length > user.length) user = new Uint8Array(length * 2);
      user.set(first.entry.keyBytes.subarray(0, length));
      const here = outside.at(user.subarray(1, length));
      const isRaw = !transactions || (hasV2 && user[1] === RAW);
      versions.begin(user.subarray(0, length), isRaw);
      for (const cursor of cursors) {
        while (!cursor.done && cursor.compareUser(user, length) === 0) {
          here.count++;
          if (cursor === values) versions.value(cursor);
          else if (cursor === locks) versions.lock(cursor);
          else versions.write(cursor);
          const waiting = cursor.step();
          if (waiting !== undefined) await waiting;
        }
      }
      versions.end();
    }
    outside.finish();
    orphans.finish();
  } finally {
    for (const { entry } of cursors) await entry.close();
  }
}

/** The cursor with the smallest user key. */
function firstOf(cursors: readonly FamilyCursor[]): FamilyCursor | undefined {
  let first: FamilyCursor | undefined;
  for (const cursor of cursors) {
    if (cursor.done) continue;
    if (first === undefined || cursor.compareUser(first.entry.keyBytes, first.userTo) < 0) first = cursor;
  }
  return first;
}
