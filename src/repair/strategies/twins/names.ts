/**
 * What names the MANIFEST: CURRENT, and the markers of Pebble (../../../engine/pebble.ts). In one life of a database both only go up:
 * the number that CURRENT names, and the iteration of a marker.
 */
import type { Database } from '../../../engine/database.js';
import { CURRENT_LIMIT } from '../../../format/current.js';
import { readHead } from '../../../io/head.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import type { RepairStep } from '../../plan.js';
import { databaseAfter } from '../../preview.js';
import { markerStep, removal } from '../pebble-names.js';
import { hasSameManifest, isSameSession } from './life.js';
import { isStateHere } from './metadata.js';
import { type SecondSource, twinOf } from './sources.js';

/** Steps after which the MANIFEST is named as a source names it. */
interface NamedAsThere {
  steps: RepairStep[];
  /** Nothing here names a MANIFEST that is here: there is nothing that the steps could make worse. */
  isNameless: boolean;
}

/**
 * How sources name their MANIFEST, where it is named otherwise here, and the MANIFEST that they name is here, the newest, and the same
 * there. `database`: as what is planned so far leaves it.
 */
export async function namesFromSources(
  database: Database,
  sources: readonly SecondSource[],
): Promise<NamedAsThere[]> {
  const found: NamedAsThere[] = [];
  for (const source of sources) {
    const isMarked = source.database.pebble?.formatMarker !== undefined;
    // beside markers CURRENT names no MANIFEST
    if (!isMarked && database.pebble?.formatMarker !== undefined) continue;
    const steps = isMarked ? await markerStepsOf(database, source) : await currentStepOf(database, source);
    if (steps.length === 0) continue;
    const after = await databaseAfter(database, { target: database.target, steps });
    const named = after.manifest;
    if (named?.named !== true || !isNewest(after, named.entry) || !(await hasSameManifest(after, source)))
      continue;
    if (namesLater(database, named.entry.number!) && !((await isStateHere(after)) && !hasLaterLog(after)))
      continue;
    if (steps.some(isFormatVersion) && !(await isVersionProven(after, source))) continue;
    found.push({ steps, isNameless: database.manifest?.named !== true });
  }
  return found;
}

const isNewest = ({ inventory }: Database, { number }: InventoryEntry): boolean =>
  inventory.entries.every(
    (each) => each.kind !== 'manifest' || each.place !== 'database' || each.number! <= number!,
  );

/** Whether a MANIFEST that is not here is named, of a later open. */
function namesLater({ current, pebble }: Database, number: bigint): boolean {
  const named = pebble?.formatMarker === undefined ? current?.decoded.number : pebble.manifest;
  return named !== undefined && named > number;
}

/** A log of an open that the MANIFEST does not know of, or one that a running engine began. */
const hasLaterLog = ({ version, inventory }: Database): boolean =>
  inventory.entries.some(({ kind, number }) => kind === 'wal' && number! >= (version?.nextFileNumber ?? 0n));

async function currentStepOf(database: Database, source: SecondSource): Promise<RepairStep[]> {
  const [mine, its] = [database.current, source.database.current];
  if (its === undefined || its.decoded.anomalies.length > 0) return [];
  const isSound = mine?.decoded.anomalies.length === 0;
  if (isSound && mine.decoded.number === its.decoded.number) return [];
  const bytes = await readHead(its.entry.source, CURRENT_LIMIT);
  const name = its.decoded.manifest!;
  const change =
    mine === undefined
      ? { kind: 'create-file' as const, offset: 0, length: bytes.length, detail: `it names ${name}` }
      : {
          kind: 'rewrite' as const,
          offset: 0,
          length: mine.entry.size,
          detail: `it names ${name}, as in ${source.name}`,
        };
  return [
    {
      path: 'CURRENT',
      action: 'write',
      why: `${twinOf(source, its.entry).path} names ${name}, and the MANIFEST is the same there`,
      changes: [change],
      content: [{ from: 'plan', bytes }],
    },
  ];
}

/** A marker that was moved since the copy was made, by its iteration, stays: but one that names a MANIFEST that is not here. */
async function markerStepsOf(database: Database, source: SecondSource): Promise<RepairStep[]> {
  const { pebble, manifest } = database;
  if (pebble === undefined) return [];
  const steps: RepairStep[] = [];
  for (const which of ['formatMarker', 'manifestMarker'] as const) {
    const [mine, its] = [pebble[which], source.database.pebble![which]];
    if (its?.marker === undefined || mine?.name === its.name) continue;
    const isDangling = which === 'manifestMarker' && manifest?.named !== true;
    if (mine !== undefined && mine.marker!.iteration > its.marker.iteration && !isDangling) continue;
    const why = `${source.name} has ${its.name}, and the MANIFEST is the same there`;
    if (mine !== undefined) steps.push(removal(mine, why));
    steps.push(markerStep(its.name, why));
  }
  // it names no MANIFEST, so that a release that knows no markers refuses
  const isWithout = database.current === undefined && source.database.current?.decoded.number === 0n;
  return steps.length > 0 && isWithout ? [...steps, ...(await currentStepOf(database, source))] : steps;
}

const isFormatVersion = ({ path }: RepairStep): boolean => path.startsWith('marker.format-version.');

/**
 * A format version goes up without a word in the MANIFEST. It is the source's where OPTIONS, which every open writes, states the same;
 * or a later one of the same session, when no edit was written since.
 */
async function isVersionProven(after: Database, source: SecondSource): Promise<boolean> {
  const version = source.database.pebble!.formatVersion;
  const stated = after.options.pebble?.formatVersion;
  if (version === undefined) return false;
  if (version === stated) return true;
  const [mine, its] = [after.manifest!, source.database.manifest!];
  return (
    (stated ?? 0) < version &&
    mine.replay.logicalEnd === its.replay.logicalEnd &&
    (await isSameSession(after, source))
  );
}
