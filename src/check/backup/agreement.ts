import { hex32 } from '../../bytes/hexdump.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { renameAndScan, scanOf } from '../../finding/shell-word.js';
import type { BackupFile } from '../../format/backup.js';

/** What one backup records of a file that several share. */
export interface SharedRecord {
  id: number;
  listed: BackupFile;
}

/** A finding and the backups that cannot be restored because of it. */
export interface Disagreement {
  finding: Finding;
  backups: number[];
}

/**
 * Holds what several backups record of one shared file against each other. The engine loads backups from the newest on, and
 * refuses those that record another checksum than what it has loaded; with assertions it ends right there (rocksdb
 * utilities/backup/backup_engine.cc `AddFile`). `crc`: CRC-32C of the file.
 */
export function checkAgreement(
  target: string,
  records: readonly SharedRecord[],
  crc: number | undefined,
): Disagreement[] {
  const stated = records.filter(({ listed }) => listed.crc !== undefined).sort((a, b) => b.id - a.id);
  const [newest] = stated;
  if (newest === undefined || stated.every(({ listed }) => listed.crc === newest.listed.crc)) return [];
  const right = stated.find(({ listed }) => listed.crc === crc);
  const differing = stated.filter(({ listed }) => listed.crc !== newest.listed.crc);
  const wrong = right === undefined ? differing : stated.filter(({ listed }) => listed.crc !== crc);
  return wrong.map((record) => ({
    finding: disagreement(target, record, right ?? newest, { known: right !== undefined, crc }),
    backups: record.id === newest.id ? [record.id, ...differing.map(({ id }) => id)] : [record.id],
  }));
}

function disagreement(
  target: string,
  { id, listed }: SharedRecord,
  other: SharedRecord,
  { known, crc }: { known: boolean; crc: number | undefined },
): Finding {
  const meta = `meta/${id}`;
  const truth = known
    ? `the file has what meta/${other.id} records: the record of ${meta} is wrong`
    : 'which of them is right, the file does not tell';
  return findingAt({ file: meta }, 'backup/conflicting-checksums', {
    ...listed.entry,
    message:
      `${meta} and meta/${other.id} record different checksums of ${listed.path}; ${truth}. ` +
      `An engine that was built with assertions opens no backup of this directory until ${meta} is moved away`,
    evidence: {
      [meta]: hex32(listed.crc ?? 0),
      [`meta/${other.id}`]: hex32(other.listed.crc ?? 0),
      ...(crc === undefined ? {} : { computed: hex32(crc) }),
      engine: `Corruption: Checksum mismatch for existing backup file: ${listed.path}`,
    },
    next: renameAndScan(scanOf(target), [`${target}/${meta}`, `${target}/meta-${id}`]),
  });
}
