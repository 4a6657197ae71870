/**
 * What must hold inside a version, whatever the files say (rocksdb db/version_builder.cc `CheckConsistencyDetails`,
 * db/version_edit_handler.cc). The engine checks some of it when it opens; what it does not check it believes.
 */
import { type EvidenceValue, keyBytes } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { DatabaseOptions } from '../../format/database-options.js';
import { linkedBlobFiles } from '../../format/manifest/blob-links.js';
import type { ColumnFamily, LiveTable, Version } from '../../format/manifest/version.js';
import {
  type Comparator,
  comparatorNamed,
  compareInternalKeys,
  compareUserKeys,
  withoutTimestamps,
} from '../../format/sst/comparator.js';
import { isExclusiveEnd, KEY_TRAILER, parseInternalKey, VALUE_TYPE } from '../../format/sst/internal-key.js';

interface InvariantsContext {
  /** The MANIFEST's name: findings stand at the entries in it. */
  manifest: string;
  /** OPTIONS, where there is one. */
  options?: DatabaseOptions;
  /** Values of the stacked BlobDB lie in blob_dir/, and no MANIFEST names its files. */
  stackedBlobs: boolean;
}

/** Findings that one MANIFEST may raise of one kind for one column family; a wrong comparator would give one a table. */
const MOST = 20;

export function checkInvariants(version: Version, context: InvariantsContext): Finding[] {
  const findings = checkColumnFamilyIds(version, context);
  for (const family of version.columnFamilies.values()) {
    findings.push(
      ...checkNumbers(family, version.nextFileNumber, context).slice(0, MOST),
      ...checkBounds(family, context).slice(0, MOST),
      ...checkLevels(family, context).slice(0, MOST),
      ...checkEpochs(family, context).slice(0, MOST),
      ...checkBlobs(family, context).slice(0, MOST),
    );
  }
  return findings;
}

function at({ manifest }: InvariantsContext, table: Pick<LiveTable, 'entry'>) {
  return { place: { file: manifest }, range: table.entry };
}

function checkColumnFamilyIds(version: Version, { manifest }: InvariantsContext): Finding[] {
  const findings: Finding[] = [];
  const names = new Map<string, number>();
  for (const { id, name } of version.columnFamilies.values()) {
    const other = names.get(name);
    names.set(name, id);
    const problem =
      other !== undefined
        ? `column families ${other} and ${id} are both called ${name}`
        : version.maxColumnFamily !== undefined && id > version.maxColumnFamily
          ? `column family ${name} has the id ${id}; a later edit gives ${version.maxColumnFamily} as the largest ever given out`
          : undefined;
    if (problem === undefined) continue;
    findings.push(
      findingAt({ file: manifest }, 'manifest/column-family-id', {
        message: problem,
        evidence: { id, name },
      }),
    );
  }
  return findings;
}

function checkNumbers(
  family: ColumnFamily,
  next: bigint | undefined,
  { manifest }: InvariantsContext,
): Finding[] {
  if (next === undefined) return [];
  const findings: Finding[] = [];
  const check = (what: string, { number, entry }: Pick<LiveTable, 'number' | 'entry'>) => {
    if (number < next || findings.length >= MOST) return;
    findings.push(
      findingAt({ file: manifest }, 'manifest/file-number', {
        ...entry,
        message: `${what} ${number} is live, but next_file_number is ${next}`,
        evidence: { number: String(number), nextFileNumber: String(next) },
      }),
    );
  };
  for (const table of family.tables.values()) check('table', table);
  for (const blob of family.blobFiles.values()) check('blob file', blob);
  return findings;
}

/** The order of the keys in a family's MANIFEST entries, where kvdoctor knows it. */
function comparatorOf(family: ColumnFamily): Comparator {
  const comparator = comparatorNamed(family.comparator || undefined);
  // such a family's bounds are written without timestamps
  return family.timestampsPersisted ? comparator : withoutTimestamps(comparator);
}

function userKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, key.length - KEY_TRAILER);
}

function checkBounds(family: ColumnFamily, context: InvariantsContext): Finding[] {
  const comparator = comparatorOf(family);
  const findings: Finding[] = [];
  for (const table of family.tables.values()) {
    const keys = compareInternalKeys(comparator, table.smallest, table.largest);
    const wrongKeys = keys !== undefined && keys > 0;
    const wrongSequences = table.smallestSequence > table.largestSequence;
    if (!wrongKeys && !wrongSequences) continue;
    const { place, range } = at(context, table);
    const evidence = { ...describe(table), columnFamily: family.name };
    if (wrongKeys && !wrongSequences && holdsTombstonesOnly(table)) {
      const message = `table ${table.number} holds only range tombstones that end before they begin`;
      findings.push(findingAt(place, 'manifest/empty-tombstones', { ...range, message, evidence }));
      continue;
    }
    findings.push(
      findingAt(place, 'manifest/table-bounds', {
        ...range,
        message: wrongKeys
          ? `the smallest key of table ${table.number} is above its largest`
          : `the smallest sequence of table ${table.number} (${table.smallestSequence}) is above its largest (${table.largestSequence})`,
        evidence,
      }),
    );
  }
  return findings;
}

/** Whether both bounds, the wrong way round, come from range tombstones. Any other entry would lie between them. */
function holdsTombstonesOnly({ smallest, largest }: LiveTable): boolean {
  return parseInternalKey(smallest)?.type === VALUE_TYPE.rangeDelete && isExclusiveEnd(largest);
}

function describe(table: LiveTable): Record<string, EvidenceValue> {
  return {
    table: String(table.number),
    level: table.level,
    smallest: keyBytes(userKey(table.smallest)),
    largest: keyBytes(userKey(table.largest)),
    smallestSequence: String(table.smallestSequence),
    largestSequence: String(table.largestSequence),
  };
}

/** Tables of a level in the order of their smallest keys; `undefined` when the order of keys is not known. */
function inKeyOrder(tables: LiveTable[], comparator: Comparator): LiveTable[] | undefined {
  if (comparator.order === 'unknown') return undefined;
  return [...tables].sort((a, b) => compareInternalKeys(comparator, a.smallest, b.smallest) ?? 0);
}

function byLevel(family: ColumnFamily): Map<number, LiveTable[]> {
  const levels = new Map<number, LiveTable[]>();
  for (const table of family.tables.values()) {
    const level = levels.get(table.level);
    if (level === undefined) levels.set(table.level, [table]);
    else level.push(table);
  }
  return levels;
}

function checkLevels(family: ColumnFamily, context: InvariantsContext): Finding[] {
  const comparator = comparatorOf(family);
  const configured = context.options?.columnFamilies.get(family.name)?.numLevels;
  const findings: Finding[] = [];
  for (const [level, tables] of byLevel(family)) {
    if (configured !== undefined && level >= configured) {
      const { place, range } = at(context, tables[0]);
      findings.push(
        findingAt(place, 'manifest/too-many-levels', {
          ...range,
          message: `column family ${family.name} has tables on level ${level}; OPTIONS gives it ${configured} levels`,
          evidence: {
            level,
            numLevels: configured,
            engine: 'Invalid argument: db has more levels than options.num_levels',
          },
        }),
      );
    }
    if (level === 0) continue;
    const ordered = inKeyOrder(tables, comparator) ?? [];
    for (let i = 1; i < ordered.length; i++) {
      const before = ordered[i - 1];
      const table = ordered[i];
      if ((compareInternalKeys(comparator, before.largest, table.smallest) ?? -1) < 0) continue;
      const { place, range } = at(context, before.addedAt > table.addedAt ? before : table);
      findings.push(
        findingAt(place, 'manifest/overlapping-tables', {
          ...range,
          message: `tables ${before.number} and ${table.number} overlap on level ${level} of column family ${family.name}`,
          evidence: {
            columnFamily: family.name,
            tables: [describe(before), describe(table)],
            engine: `Corruption: force_consistency_checks(VersionBuilder): L${level} has overlapping ranges: file #${before.number} … vs. file #${table.number} …`,
          },
        }),
      );
    }
  }
  return findings;
}

function checkEpochs(family: ColumnFamily, context: InvariantsContext): Finding[] {
  const tables = [...family.tables.values()];
  const without = tables.filter((table) => table.epoch === undefined);
  if (without.length === tables.length) return [];
  if (without.length > 0) {
    const { place, range } = at(context, without[0]);
    return [
      findingAt(place, 'manifest/partial-epochs', {
        ...range,
        message: `${without.length} of ${tables.length} tables of column family ${family.name} have no epoch number`,
        evidence: { tables: without.slice(0, MOST).map((table) => String(table.number)) },
      }),
    ];
  }
  return sameEpochOverlaps(family, context);
}

function sameEpochOverlaps(family: ColumnFamily, context: InvariantsContext): Finding[] {
  const comparator = comparatorOf(family);
  if (comparator.order === 'unknown') return [];
  const groups = new Map<bigint, LiveTable[]>();
  for (const table of family.tables.values()) {
    if (table.level !== 0 || table.epoch === undefined) continue;
    const group = groups.get(table.epoch);
    if (group === undefined) groups.set(table.epoch, [table]);
    else group.push(table);
  }
  const findings: Finding[] = [];
  for (const [epoch, group] of groups) {
    const ordered = inKeyOrder(group, comparator) ?? [];
    for (let i = 1; i < ordered.length; i++) {
      const [before, table] = [ordered[i - 1], ordered[i]];
      const gap = compareUserKeys(comparator, userKey(before.largest), userKey(table.smallest));
      if (gap === undefined || gap < 0) continue;
      const { place, range } = at(context, before.addedAt > table.addedAt ? before : table);
      findings.push(
        findingAt(place, 'manifest/level-0-order', {
          ...range,
          message: `tables ${before.number} and ${table.number} on level 0 of column family ${family.name} overlap and both have epoch ${epoch}`,
          evidence: {
            columnFamily: family.name,
            tables: [describe(before), describe(table)],
            engine:
              'Corruption: force_consistency_checks(VersionBuilder): L0 files of same epoch number but overlapping range',
          },
        }),
      );
    }
  }
  return findings;
}

function checkBlobs(family: ColumnFamily, context: InvariantsContext): Finding[] {
  const findings: Finding[] = [];
  const linked = linkedBlobFiles(family);
  for (const { number, garbageCount, totalCount, entry } of family.blobFiles.values()) {
    if (!linked.has(number) || garbageCount < totalCount) continue;
    findings.push(
      findingAt({ file: context.manifest }, 'manifest/blob-link', {
        ...entry,
        message: `a table is linked to blob file ${number}, all of whose ${totalCount} values are counted as garbage`,
        evidence: {
          blobFile: String(number),
          engine: `Corruption: force_consistency_checks(VersionBuilder): Blob file #${number} consists entirely of garbage`,
        },
      }),
    );
  }
  if (context.stackedBlobs) return findings;
  for (const table of family.tables.values()) {
    const { oldestBlobFile } = table;
    if (oldestBlobFile === undefined || family.blobFiles.has(oldestBlobFile)) continue;
    const { place, range } = at(context, table);
    findings.push(
      findingAt(place, 'manifest/blob-link', {
        ...range,
        message: `table ${table.number} refers to blob file ${oldestBlobFile}, which the MANIFEST does not have`,
        evidence: {
          table: String(table.number),
          blobFile: String(oldestBlobFile),
          engine: 'Corruption: Invalid blob file number',
        },
      }),
    );
  }
  return findings;
}
