import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { Unchecked } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { givenOptions } from '../engine/given-options.js';
import { unorderedFamilies, unorderedReason } from '../engine/unknown-order.js';
import { formatVersion } from '../engine/version.js';
import { liveBlobFiles } from '../format/manifest/blob-links.js';
import { shownOrderOf } from '../format/sst/comparator.js';
import type { ColumnFamilyReport, OptionsReport, TargetKind, TargetReport } from '../report/report.js';

const sum = (values: Iterable<bigint>) => [...values].reduce((a, b) => a + b, 0n);

/** A report of a target of which nothing has been looked at. `unchecked`: why, where that is to be said. */
export function blankTarget(path: string, kind: TargetReport['kind'], unchecked?: string): TargetReport {
  return {
    path,
    kind,
    engine: { name: 'unknown' },
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [],
    findings: [],
    unchecked: unchecked === undefined ? [] : [{ file: '.', reason: unchecked }],
    bytesRead: 0,
  };
}

/** A report of a target of which only the metadata has been looked at. */
export function emptyTarget(path: string, database: Database, kind?: TargetKind): TargetReport {
  const { detection, assumed } = database;
  const given = givenOptions(database.request);
  const detected: TargetKind =
    detection.kind === 'backup' || detection.kind === 'checkpoint' ? detection.kind : 'database';
  return {
    ...blankTarget(path, kind ?? detected),
    engine: {
      name: detection.engine ?? 'unknown',
      ...(detection.engine === 'rocksdb' && {
        version: formatVersion(assumed.version),
        versionBy: assumed.by,
        ...(assumed.file !== undefined && { versionFrom: assumed.file }),
      }),
    },
    options: optionsReport(database),
    ...(detection.databases && { holds: detection.databases }),
    ...(given.length > 0 && { given }),
  };
}

/** A file that TiKV has encrypted, with a key that is not on the disk. */
export function uncheckedEncrypted(file: string, method: string): Unchecked {
  return { file, reason: `it is encrypted (${method}, as file.dict says)` };
}

/** What cannot be checked because the order of keys is not known. */
export function uncheckedOrders({ version }: Database): Unchecked[] {
  return unorderedFamilies(version).map((family) => ({ file: '.', reason: unorderedReason(family) }));
}

export function optionsReport({ options, optionsFile, inventory }: Database): OptionsReport {
  const dbPaths = inventory.roots.filter((r) => r.place === 'db-path').map((r) => r.directory);
  const walDir = inventory.roots.find((r) => r.place === 'wal-dir')?.directory;
  return {
    ...(optionsFile && { file: optionsFile.entry.file }),
    walRecoveryMode: options.walRecoveryMode,
    ...(walDir !== undefined && { walDir }),
    ...(dbPaths.length > 0 && { dbPaths }),
    ...(optionsFile && {
      recycleLogFiles: options.recycleLogFileNum > 0,
      walCompression: options.walCompression,
      trackWalsInManifest: options.trackAndVerifyWalsInManifest,
      trackWalsByPredecessor: options.trackAndVerifyWals,
      manualWalFlush: options.manualWalFlush,
    }),
  };
}

export function columnFamilyReports({ version, options }: Database): ColumnFamilyReport[] {
  return [...(version?.columnFamilies.values() ?? [])].map((family) => {
    const tables = [...family.tables.values()];
    const blobs = [...liveBlobFiles(family).values()];
    const mergeOperator = options.columnFamilies.get(family.name)?.mergeOperator?.id;
    return {
      id: family.id,
      name: family.name,
      comparator: shownOrderOf(family.comparator).name,
      ...(mergeOperator !== undefined && { mergeOperator }),
      logNumber: String(family.logNumber),
      tables: tables.length,
      tableBytes: Number(sum(tables.map((t) => t.size))),
      blobFiles: blobs.length,
      blobBytes: Number(sum(blobs.map((b) => b.totalBytes + 62n))),
    };
  });
}

/** Why the files of a directory are not checked, when they are not. */
export function reasonNotToCheck({ detection, beyond }: Database): string | undefined {
  const { kind, evidence } = detection;
  const because = evidence.length > 0 ? ` (${evidence.join('; ')})` : '';
  if (kind === 'empty') return 'the directory is empty: there is no database here';
  if (kind === 'not-a-database') return `this is not a database${because}`;
  if (kind === 'backup-part')
    return `these are the files that one backup does not share with others; its tables lie elsewhere in ${evidence[0]}: scan that directory, and restore the backup from it`;
  if (kind === 'container') {
    const others = evidence.slice(1).map((each) => `; ${each}`);
    return `this is not a database itself; it holds ${detection.databases?.join(', ')}: scan those${others.join('')}`;
  }
  if (kind === 'raft-engine')
    return `a raft log of raft-engine, which is no database: scan, simulate, inspect, repair, find --region and export take it${because}`;
  if (kind === 'backup')
    return `a RocksDB backup directory: kvdoctor scan checks it, anything else takes a database restored from it${because}`;
  return beyond?.message;
}

/** What `work` comes to; where it passes a limit nothing, and the report says so. */
export async function withinLimits<T>(work: () => Promise<T>, report: TargetReport): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BeyondLimit)) throw error;
    const { file, reason } = error;
    const told = report.unchecked.some((each) => each.file === file && each.reason === reason);
    if (!told) report.unchecked.push({ file, reason });
    return undefined;
  }
}
