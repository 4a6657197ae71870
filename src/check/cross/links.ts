import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { counted } from '../../finding/quantity.js';
import type { Version } from '../../format/manifest/version.js';
import type { TableFacts, WalFacts } from '../unit.js';

/** Bytes of a blob file before its first record and after its last one (rocksdb db/blob/blob_log_format.h). */
const BLOB_FILE_HEADER = 30n;
const BLOB_FILE_FOOTER = 32n;

/** References of live tables to blob files: each names a live file, and a place inside it. */
export function checkBlobLinks(tables: readonly TableFacts[], version: Version): Finding[] {
  const findings: Finding[] = [];
  const blobs = new Map([...version.columnFamilies.values()].flatMap((cf) => [...cf.blobFiles]));
  for (const table of tables) {
    for (const reference of table.blobReferences) {
      const blob = blobs.get(reference.number);
      const evidence = {
        blobFile: String(reference.number),
        references: reference.count,
        from: String(reference.from),
        to: String(reference.to),
      };
      const end = blob ? BLOB_FILE_HEADER + blob.totalBytes : 0n;
      if (blob && reference.to <= end) continue;
      const message = blob
        ? `refers to bytes up to ${reference.to} of blob file ${reference.number}, whose records end at ${end} (${blob.totalBytes + BLOB_FILE_HEADER + BLOB_FILE_FOOTER} bytes in all)`
        : `holds ${reference.count} values in blob file ${reference.number}, which the MANIFEST does not name`;
      findings.push(findingAt({ file: table.file }, 'blob/dangling-reference', { message, evidence }));
    }
  }
  return findings;
}

/** Column families that WALs write to, against those that the MANIFEST ever created. */
export function checkColumnFamiliesOfWals(wals: readonly WalFacts[], version: Version): Finding[] {
  let known = version.maxColumnFamily ?? 0;
  for (const id of version.columnFamilies.keys()) known = Math.max(known, id);
  return wals.flatMap((wal) =>
    wal.columnFamilies
      .filter(({ id }) => id > known)
      .map(({ id, operations }) =>
        findingAt({ file: wal.file }, 'wal/unknown-column-family', {
          message: `${counted(operations, 'operation')} ${operations === 1 ? 'goes' : 'go'} to column family ${id}; the MANIFEST knows ids up to ${known}`,
          evidence: { columnFamily: id, operations, maxColumnFamily: known },
        }),
      ),
  );
}

/**
 * The engine starts at the larger of the MANIFEST's last_sequence and what WALs reach; a live table beyond that holds rows
 * that no read will see.
 */
export function checkLastSequence(
  tables: readonly TableFacts[],
  wals: readonly WalFacts[],
  version: Version,
): Finding[] {
  let reached = version.lastSequence ?? 0n;
  for (const { nextSequence } of wals) {
    if (nextSequence !== undefined && nextSequence - 1n > reached) reached = nextSequence - 1n;
  }
  return tables
    .filter((t) => t.largestSequence !== undefined && t.largestSequence > reached)
    .map((t) =>
      findingAt({ file: t.file }, 'sequence/last-sequence-too-low', {
        message: `holds sequence ${t.largestSequence}, but the engine would start from ${reached}`,
        evidence: { largestSequence: String(t.largestSequence), lastSequence: String(reached) },
      }),
    );
}
