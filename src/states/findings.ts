import { goneWals } from '../check/directory/tracked-wals.js';
import type { UnitFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { Finding } from '../finding/finding.js';
import { findingAt, placeOf } from '../finding/finding-at.js';
import { parseFileName } from '../format/filename.js';
import { type Disorder, disordersOf } from './disorder.js';
import { goneSequences, losesWrites } from './gone-wals.js';
import { repairLosses } from './leveldb-lost.js';
import { listStates } from './list.js';
import { mayTellOfGaps, withLoggedGaps } from './logged-gaps.js';
import type { State, States } from './state.js';
import { originText, stateText, tablesText } from './text.js';

/**
 * What the files of a directory show together: that they are of several moments or histories, and what of `found` costs more than
 * its file alone tells. `facts`: what units have read.
 */
export async function withStateFindings(
  found: readonly Finding[],
  database: Database,
  facts: ReadonlyMap<string, UnitFacts>,
): Promise<Finding[]> {
  const next = commandOn(database, 'repair --strategy auto --dry-run');
  if (database.dialect === 'leveldb') {
    // members of a compressed archive cannot be read a second time
    if (database.inventory.entries.some(({ source }) => source.kind === 'archived')) return [...found];
    const losses = await repairLosses(database);
    return [...found, ...losses.map((finding) => ({ ...finding, next }))];
  }
  const tellsOfGaps = mayTellOfGaps(found, database);
  if (!mayBeOutOfOrder(database, facts) && !tellsOfGaps) return [...found];
  const states = await listStates(database, facts);
  const disorders = disordersOf(database, states).flatMap((disorder) => {
    const finding = findingOf(disorder, database);
    return finding === undefined ? [] : [{ ...finding, next }];
  });
  const told = withOtherNames(withGoneSequences(found, database, states), states);
  // where files are of several moments, others may hold what a gap lacks
  const gaps = tellsOfGaps && disorders.length === 0 ? withLoggedGaps(told, database, facts, states) : told;
  return [...(await gaps), ...disorders];
}

/** A missing table that lies under another name is not gone. */
function withOtherNames(found: readonly Finding[], { current }: States): Finding[] {
  const names = new Map((current?.moved ?? []).map(({ live, entry }) => [live.number, entry.file]));
  return found.map((finding) => {
    const { number } = parseFileName(finding.file);
    if (finding.rule !== 'directory/missing-table' || number === undefined) return finding;
    const otherName = names.get(number);
    return otherName === undefined ? finding : { ...finding, evidence: { ...finding.evidence, otherName } };
  });
}

/** A WAL that is gone costs acknowledged writes where nothing holds the sequences that were in it. */
function withGoneSequences(found: readonly Finding[], database: Database, states: States): Finding[] {
  const gone = goneWals(database);
  const sequences = goneSequences(database, states);
  if (!losesWrites(gone, sequences) || sequences.length === 0) return [...found];
  const files = new Set(gone.map(({ file }) => file));
  const spans = sequences.map(({ from, to }) => `${from} to ${to}`).join(', ');
  return found.map((finding) =>
    finding.rule === 'directory/removed-wal' && files.has(finding.file)
      ? {
          ...finding,
          severity: 'error',
          message: `${finding.message}: nothing holds sequences ${spans}`,
          evidence: { ...finding.evidence, lostSequences: spans },
        }
      : finding,
  );
}

/**
 * Whether anything makes it worth while to list states: something that the MANIFEST names is not here, another MANIFEST is, or
 * a table that it does not name goes further than it does.
 */
export function mayBeOutOfOrder(
  database: Database,
  facts: ReadonlyMap<string, UnitFacts> = new Map(),
): boolean {
  const { inventory, manifest, version, current, detection } = database;
  const { engine } = detection;
  if (engine === 'pebble') return false;
  // members of a compressed archive cannot be read a second time
  if (inventory.entries.some(({ source }) => source.kind === 'archived')) return false;
  const manifests = inventory.entries.filter(
    ({ kind, place }) => kind === 'manifest' && (place === 'database' || place === 'lost'),
  );
  if (manifests.length === 0) return false;
  if (manifests.length > 1 || version === undefined || current === undefined || manifest?.named !== true)
    return true;
  if (goneWals(database).length > 0) return true;
  const sizes = new Map(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place !== 'lost')
      .map((e) => [e.number, e.size]),
  );
  const blobs = new Set(inventory.entries.filter(({ kind }) => kind === 'blob').map(({ number }) => number));
  const named = new Set<bigint>();
  for (const family of version.columnFamilies.values()) {
    for (const { number, size } of family.tables.values()) {
      named.add(number);
      if (BigInt(sizes.get(number) ?? 0) !== size) return true;
    }
    for (const number of family.blobFiles.keys()) if (!blobs.has(number)) return true;
  }
  const { nextFileNumber } = version;
  if (nextFileNumber !== undefined && [...sizes.keys()].some((number) => (number ?? 0n) >= nextFileNumber))
    return true;
  const reach = version.lastSequence ?? 0n;
  return [...facts.values()].some(
    (fact) =>
      fact.kind === 'table' &&
      fact.number !== undefined &&
      !named.has(fact.number) &&
      ((fact.largestSequence ?? 0n) > reach || fact.stated?.globalSequence !== undefined),
  );
}

const NEWS = {
  keys: ', with keys that nothing else here holds',
  sequences: ', with sequences that later writes have left out',
  log: ', and LOG says that the database had them after this MANIFEST was begun',
} as const;

function findingOf(disorder: Disorder, database: Database): Finding | undefined {
  const { state } = disorder;
  const manifest = database.manifest?.entry;
  const place = manifest === undefined ? { file: 'CURRENT' } : placeOf(manifest);
  const evidence = { state: originText(state), lastSequence: String(state.lastSequence) };
  switch (disorder.kind) {
    case 'manifest-older': {
      const { tables, replaced } = disorder;
      const { origin } = state;
      const own = 'manifest' in origin ? placeOf(origin.manifest) : place;
      const gone =
        replaced.length === 0
          ? ''
          : ` and replace${tables.length === 1 ? 's' : ''} ${tablesText(replaced)}, which it names and which ${areGone(replaced)}`;
      const news = origin.kind === 'extended' && origin.news ? NEWS[origin.news] : '';
      return findingAt(own, 'directory/manifest-older', {
        message: `${tablesText(tables)}, which it does not name, lead${tables.length === 1 ? 's' : ''} to sequence ${state.lastSequence}${gone}${news}`,
        evidence: { ...evidence, tables: tables.map(({ number }) => String(number)) },
      });
    }
    case 'manifest-newer':
      return findingAt(
        'manifest' in state.origin ? placeOf(state.origin.manifest) : place,
        'directory/manifest-newer',
        {
          ...(state.origin.kind === 'edits' && { offset: state.origin.end, length: 0 }),
          message:
            state.origin.kind === 'edits'
              ? `the files that are here are those of its edits up to ${state.origin.end}: ${stateText(state)}`
              : `the files that are here are older than its first edit: ${stateText(state)}`,
          evidence,
        },
      );
    case 'flush-in-wals':
      return findingAt(place, 'directory/flush-in-wals', {
        message: `${walsText(state)} still hold${state.wals.length === 1 ? 's' : ''} what was in ${tablesText(disorder.tables)}`,
        evidence: { ...evidence, tables: disorder.tables.map(({ number }) => String(number)) },
      });
    // current-names-empty-manifest and renamed-file say it
    case 'begun-anew':
    case 'renamed-logs':
      return undefined;
    case 'second-opener': {
      const { other } = disorder;
      return findingAt(place, 'directory/second-opener', {
        message: `${other.entry.file} went on beside ${manifest?.file ?? 'the MANIFEST that CURRENT names'}: two programs had the database open`,
        evidence: { ...evidence, otherManifest: other.entry.file },
      });
    }
    case 'repaired': {
      const { families, tables, broughtBack, levels, blobFiles } = disorder.lost;
      const said = [
        ...(families.length > 0 ? [`column families ${families.join(', ')}`] : []),
        ...(tables > 0 ? [`${tables} tables`] : []),
        ...(blobFiles > 0 ? [`${blobFiles} blob files`] : []),
        ...(levels > 0 ? [`the levels of ${levels} tables`] : []),
        ...(broughtBack > 0 ? [`that ${broughtBack} tables were obsolete`] : []),
      ];
      return findingAt({ file: 'lost' }, 'directory/repairdb-losses', {
        message: `a RepairDB left this; lost/ holds a MANIFEST that knows what the present one does not: ${said.join(', ')}`,
        evidence: { ...evidence, columnFamilies: families, tables, blobFiles, levels, broughtBack },
      });
    }
  }
}

function areGone(tables: readonly unknown[]): string {
  return tables.length === 1 ? 'is gone' : 'are gone';
}

function walsText({ wals }: State): string {
  return wals.map(({ wal }) => wal.entry.file).join(', ');
}
