import { encodeLogRecords } from '../../encode/log/writer.js';
import { encodeVersionEdit } from '../../encode/manifest/edit.js';
import type { Database } from '../../engine/database.js';
import { emptyEdit } from '../../format/manifest/edit.js';
import type { RepairStep } from '../plan.js';
import type { WalState } from './wal-state.js';

/**
 * Where the MANIFEST tracks the size of a WAL that a repair makes shorter, the engine would refuse the result ("Size
 * mismatch", "Missing WAL"). An edit that forgets WALs below the next number goes to the MANIFEST's end; a deletion does not
 * change which WALs are replayed (rocksdb db/wal_edit.h, WalDeletion).
 */
export function forgetWals(database: Database, wals: readonly WalState[]): RepairStep[] {
  const { version, manifest } = database;
  if (version === undefined || manifest === undefined) return [];
  const onDisk = database.inventory.entries.filter((e) => e.kind === 'wal' && e.place !== 'archive');
  const sizes = new Map(onDisk.map((e) => [e.number ?? 0n, e.size as number | undefined]));
  for (const { entry, newSize } of wals) sizes.set(entry.number ?? 0n, newSize);
  const tracked = [...version.trackedWals]
    .filter(([number, synced]) => synced !== undefined && BigInt(sizes.get(number) ?? -1) < synced)
    .map(([number]) => number);
  if (tracked.length === 0) return [];
  let below = 0n;
  for (const number of tracked) if (number >= below) below = number + 1n;
  const { entry, replay } = manifest;
  const edit = encodeVersionEdit({ ...emptyEdit(), walDeletion: below });
  const bytes = encodeLogRecords([edit], replay.logicalEnd);
  return [
    {
      action: 'write',
      path: entry.file,
      why: `it tracks the sizes of WALs that change: an edit forgets those below ${below}`,
      changes: [
        {
          kind: 'insert',
          offset: replay.logicalEnd,
          length: bytes.length,
          detail: `one edit, WAL deletion below ${below}`,
        },
      ],
      content: [
        { from: 'file', path: entry.file, offset: 0, length: replay.logicalEnd },
        { from: 'plan', bytes },
      ],
    },
  ];
}
