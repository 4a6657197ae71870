/**
 * Which release of RocksDB a directory is taken to belong to, and what says so. OPTIONS files, which state it, are written since
 * 4.3; before, only the LOG tells, and copies often come without it.
 */

import { INFO_LOG_HEAD, versionInInfoLog } from '../format/info-log.js';
import type { Version } from '../format/manifest/version.js';
import { decodeFooter, magicAt } from '../format/sst/footer.js';
import { readHead, readTail } from '../io/head.js';
import type { Inventory } from '../io/inventory.js';
import { infoLogs } from './info-logs.js';
import { type EngineVersion, newestKnown, parseVersion } from './version.js';

export interface AssumedVersion {
  version: EngineVersion;
  /** `tables`: the newest release that reads their format; `default`: nothing tells, so the newest known. */
  by: 'caller' | 'options' | 'info-log' | 'tables' | 'default';
  /** The file that tells, relative to the target. */
  file?: string;
}

/** What else may tell when the caller does not. */
interface VersionEvidence {
  told?: string;
  options?: { file: string; version?: string };
  inventory: Inventory;
  version?: Version;
}

/** 11.0 refuses tables of the format versions 0 and 1. */
const LAST_WITH_FORMAT_0: EngineVersion = { major: 10, minor: 10, patch: 1 };
const OLDEST_FORMAT_SINCE_11 = 2;

/** Live tables whose footer is looked at. */
const TABLES_READ = 16;
/** The longest footer of a table (format version 6 and later). Bytes. */
const FOOTER = 53;

export async function assumeVersion(evidence: VersionEvidence): Promise<AssumedVersion> {
  const { told, options, inventory } = evidence;
  const byCaller = told === undefined ? undefined : parseVersion(told);
  if (byCaller !== undefined) return { version: byCaller, by: 'caller' };
  const stated = options?.version === undefined ? undefined : parseVersion(options.version);
  if (stated !== undefined) return { version: stated, by: 'options', file: options!.file };
  const logged = await fromInfoLog(inventory);
  if (logged !== undefined) return logged;
  const old = await firstOldTable(evidence);
  if (old !== undefined) return { version: LAST_WITH_FORMAT_0, by: 'tables', file: old };
  return { version: newestKnown, by: 'default' };
}

async function fromInfoLog(inventory: Inventory): Promise<AssumedVersion | undefined> {
  for (const { source, file } of infoLogs(inventory)) {
    const head = await readHead(source, INFO_LOG_HEAD).catch(() => new Uint8Array(0));
    const version = parseVersion(versionInInfoLog(Buffer.from(head).toString('latin1')) ?? '');
    if (version !== undefined) return { version, by: 'info-log', file };
  }
  return undefined;
}

/** A live table that releases from 11.0 on refuse. */
async function firstOldTable({ inventory, version }: VersionEvidence): Promise<string | undefined> {
  const live = new Set<bigint>();
  for (const { tables } of version?.columnFamilies.values() ?? []) {
    for (const number of tables.keys()) if (live.size < TABLES_READ) live.add(number);
  }
  for (const { kind, number, source, file } of inventory.entries) {
    if (kind !== 'table' || number === undefined || !live.has(number)) continue;
    const tail = await readTail(source, FOOTER).catch(() => new Uint8Array(0));
    const magic = magicAt(tail, tail.length);
    if (magic?.format !== 'legacy' && magic?.format !== 'block-based') continue;
    const { footer } = decodeFooter(tail, tail.length, 0, magic);
    if (footer !== undefined && footer.formatVersion < OLDEST_FORMAT_SINCE_11) return file;
  }
  return undefined;
}
