import type { SourceDescriptor } from '../../bytes/source.js';
import { checkBlob } from '../../check/blob/blob.js';
import { isHeld, type SampledReference, samplesOf } from '../../check/blob/held.js';
import type { TableFacts } from '../../check/unit.js';
import { type Database, filesOf } from '../../engine/database.js';
import { decodeBlobIndex } from '../../format/blob/blob-index.js';
import { BLOB } from '../../format/blob/layout.js';
import type { LiveBlobFile, Version } from '../../format/manifest/version.js';
import { comparatorNamed } from '../../format/sst/comparator.js';
import { readDataBlocks } from '../../format/sst/data-blocks.js';
import { VALUE_TYPE } from '../../format/sst/internal-key.js';
import { openTable } from '../../format/sst/table.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { placeIn } from '../place.js';
import type { RepairPlan, RepairStep } from '../plan.js';
import type { DamagedTable } from './damaged-tables.js';

/** Which values of one blob file tables refer to and do not find. */
interface MissedValues {
  held: number;
  /** Offsets of the values. */
  missed: ReadonlySet<bigint>;
}

/**
 * Plans that blob files which lie under each other's names get their own content back: every value that a table refers to stands in the
 * one where it is looked for in the other. `undefined`: there are none. A copy of a blob file over another is no exchange.
 */
export async function planExchangedBlobs(
  database: Database,
  version: Version,
  tables: readonly DamagedTable[],
): Promise<RepairPlan | undefined> {
  const samples = readableSamples(tables);
  const here = [...version.columnFamilies.values()].flatMap(({ blobFiles }) =>
    [...blobFiles.values()].flatMap((live) => {
      const entry = blobEntry(database, live.number);
      return entry === undefined ? [] : [{ live, entry }];
    }),
  );
  const moved: { live: LiveBlobFile; entry: InventoryEntry; from: InventoryEntry }[] = [];
  for (const { live, entry } of here) {
    if (await areHeld(database, entry.source, samples.get(live.number) ?? [])) continue;
    const holders: InventoryEntry[] = [];
    for (const { entry: other } of here)
      if (
        other !== entry &&
        other.size === sizeOf(live) &&
        (await areHeld(database, other.source, samples.get(live.number) ?? []))
      )
        holders.push(other);
    const [from] = holders;
    if (holders.length === 1 && (await isContentOf(database, from, live, tables)))
      moved.push({ live, entry, from });
  }
  const used = new Set(moved.map(({ from }) => from));
  // of one to which nothing refers that can be read, only its size and its counts tell
  const places = new Set(moved.map(({ entry }) => entry));
  for (const { live, entry } of here.filter((each) => used.has(each.entry) && !places.has(each.entry))) {
    const free = [...places].filter((other) => !used.has(other) && other.size === sizeOf(live));
    const [from] = free;
    if (free.length !== 1 || !(await isContentOf(database, from, live, tables))) continue;
    moved.push({ live, entry, from });
    used.add(from);
  }
  if (moved.length === 0 || used.size < moved.length || moved.some(({ entry }) => !used.has(entry)))
    return undefined;
  return {
    ...emptyPlan(database, 'tables'),
    inputs: await Promise.all(moved.map(({ entry }) => fileState(database.target, placeOf(entry)))),
    steps: moved.map(exchangeStep),
  };
}

const placeOf = ({ root, file }: InventoryEntry) => placeIn(root, file);

const sizeOf = ({ totalBytes }: LiveBlobFile) => Number(totalBytes) + BLOB.headerLength + BLOB.footerLength;

function exchangeStep({ entry, from }: { entry: InventoryEntry; from: InventoryEntry }): RepairStep {
  return {
    action: 'write',
    ...placeOf(entry),
    why: `the values that tables look for in it lie in ${from.file}`,
    changes: [{ kind: 'rewrite', offset: 0, length: entry.size, detail: `the content of ${from.file}` }],
    content: [{ from: 'file', ...placeOf(from), offset: 0, length: from.size }],
  };
}

/** The file of a live blob file. */
export function blobEntry({ inventory }: Database, number: bigint): InventoryEntry | undefined {
  return inventory.entries.find(
    (e) => e.kind === 'blob' && e.number === number && e.place !== 'archive' && e.place !== 'lost',
  );
}

/** Samples of what tables refer to, as far as they can be read, by the number of the blob file. */
export function readableSamples(tables: readonly DamagedTable[]): Map<bigint, SampledReference[]> {
  return samplesOf(
    tables.flatMap(({ result }): TableFacts[] =>
      result?.facts.kind === 'table' && !result.facts.stated?.wrongFile ? [result.facts] : [],
    ),
  );
}

/** Whether a blob file, or what it will be, has all of them. */
export async function areHeld(
  database: Database,
  content: SourceDescriptor,
  samples: readonly SampledReference[],
): Promise<boolean> {
  const source = await filesOf(database).open(content);
  try {
    for (const sample of samples) if (!(await isHeld(source, sample, sample.timestampSize))) return false;
    return true;
  } finally {
    await source.close();
  }
}

/** Whether a file is whole as the live one, and has every value of it that tables refer to. */
async function isContentOf(
  database: Database,
  { source: place, file }: InventoryEntry,
  live: LiveBlobFile,
  tables: readonly DamagedTable[],
): Promise<boolean> {
  const source = await filesOf(database).open(place);
  try {
    const { findings } = await checkBlob(source, { file, number: live.number, depth: 'full', live });
    if (findings.some(({ severity }) => severity === 'error')) return false;
  } finally {
    await source.close();
  }
  return (await missedValues(database, live.number, place, tables)).missed.size === 0;
}

/** Follows every reference to one blob file that the data blocks of the tables hold into its content. */
export async function missedValues(
  database: Database,
  number: bigint,
  content: SourceDescriptor,
  tables: readonly DamagedTable[],
): Promise<MissedValues> {
  const { open } = filesOf(database);
  const missed = new Set<bigint>();
  let held = 0;
  const source = await open(content);
  try {
    for (const { entry, result, family } of tables) {
      const refers =
        result?.facts.kind === 'table' && result.facts.blobReferences.some((each) => each.number === number);
      if (entry === undefined || !refers) continue;
      const file = await open(entry.source);
      try {
        const table = await openTable(file, { dialect: database.dialect, comparator: family.comparator });
        const { timestampSize } = comparatorNamed(family.comparator);
        for await (const block of readDataBlocks(table))
          for (const { key, type, value } of block.entries()) {
            if (type !== VALUE_TYPE.blobIndex) continue;
            const index = decodeBlobIndex(value);
            if (index.kind !== 'blob' || index.fileNumber !== number) continue;
            const place = { key, offset: Number(index.offset), size: Number(index.size) };
            if (await isHeld(source, place, timestampSize)) held++;
            else missed.add(index.offset);
          }
      } finally {
        await file.close();
      }
    }
  } finally {
    await source.close();
  }
  return { held, missed };
}
