import { isHeld, type SampledReference, samplesOf } from '../check/blob/held.js';
import type { TableFacts } from '../check/unit.js';
import { type Database, filesOf } from '../engine/database.js';
import { keyBytes } from '../finding/evidence.js';
import type { Finding } from '../finding/finding.js';
import { findingAt, placeOf } from '../finding/finding-at.js';
import { counted } from '../finding/quantity.js';
import { BLOB } from '../format/blob/layout.js';
import type { LiveBlobFile } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import { liveBlobs, liveTables } from './plan.js';
import type { FileOutcome } from './run.js';

/** References that are followed into one blob file. */
const MOST_FOLLOWED = 8;

/** What is said of a file that is whole and that the MANIFEST has otherwise. */
const AS_A_WHOLE: ReadonlySet<string> = new Set(['blob/wrong-count', 'blob/file-checksum']);

/** What a table's reference names, and whether it is there. */
interface Followed extends SampledReference {
  held: boolean;
}

/**
 * Follows a few references of the tables into each blob file, and says of blob files that do not hold them that they are others: nothing
 * else tells two blob files of one length apart. The findings go to the outcomes of the blob files, or of the table where the others
 * find theirs. Files must be readable at any offset. One that cannot be opened any more is left alone.
 */
export async function followBlobReferences(
  database: Database,
  outcomes: readonly FileOutcome[],
): Promise<readonly FileOutcome[]> {
  const blobs = liveBlobs(database);
  if (database.dialect !== 'rocksdb' || blobs.size === 0) return outcomes;
  const samples = samplesOf(soundTables(database, outcomes));
  const files = outcomes.filter(({ entry, facts }) => entry.kind === 'blob' && facts?.kind === 'blob');
  const found = new Map<FileOutcome, Finding[]>();
  const note = (outcome: FileOutcome, finding: Finding) =>
    found.set(outcome, [...(found.get(outcome) ?? []), finding]);
  for (const outcome of files) {
    const { entry } = outcome;
    const live = blobs.get(entry.number!);
    const wanted = live && spread(within(live, samples.get(live.number) ?? []));
    if (live === undefined || wanted === undefined || wanted.length === 0) continue;
    const followed = await follow(database, entry, wanted);
    const missed = followed?.filter(({ held }) => !held) ?? [];
    if (missed.length === 0) continue;
    const elsewhere = await holderOf(database, files, { entry, live }, wanted);
    const errors = outcome.findings.filter(({ severity }) => severity === 'error');
    const isWhole = errors.every(({ rule }) => AS_A_WHOLE.has(rule));
    if (elsewhere !== undefined || (isWhole && missed.length === wanted.length))
      note(outcome, wrongFile(entry, missed, elsewhere));
    else if (errors.length === 0)
      for (const table of new Set(missed.map((each) => each.table))) {
        const of = outcomes.find((each) => each.entry.kind === 'table' && each.entry.file === table);
        if (of !== undefined) note(of, wrongReference(of.entry, entry, missed));
      }
  }
  if (found.size === 0) return outcomes;
  return outcomes.map((outcome) => {
    const own = found.get(outcome);
    if (own === undefined) return outcome;
    // that it is another one says why it is not as long, say, as the MANIFEST has it
    const isAnother = own.some(({ rule }) => rule === 'blob/wrong-file');
    const findings = outcome.findings.filter(({ rule }) => !isAnother || !AS_A_WHOLE.has(rule));
    return { ...outcome, findings: [...findings, ...own] };
  });
}

/** Live tables of which nothing is damaged. */
function soundTables(database: Database, outcomes: readonly FileOutcome[]): TableFacts[] {
  const tables = liveTables(database);
  return outcomes.flatMap(({ facts }) =>
    facts?.kind === 'table' && facts.number !== undefined && tables.has(facts.number) && isSound(facts)
      ? [facts]
      : [],
  );
}

const isSound = ({ errors = 0, stated }: TableFacts) => errors === 0 && stated?.wrongFile !== true;

/** References to what the MANIFEST gives the file; those beyond it are told as such. */
function within({ totalBytes }: LiveBlobFile, samples: readonly SampledReference[]): SampledReference[] {
  const end = BLOB.headerLength + Number(totalBytes);
  return samples.filter(({ offset, size }) => offset + size <= end);
}

/** So many of them, from all over. */
function spread(samples: readonly SampledReference[]): SampledReference[] {
  const step = Math.max(1, samples.length / MOST_FOLLOWED);
  return Array.from(
    { length: Math.min(samples.length, MOST_FOLLOWED) },
    (_, i) => samples[Math.floor(i * step)],
  );
}

async function follow(
  database: Database,
  entry: InventoryEntry,
  samples: readonly SampledReference[],
): Promise<Followed[] | undefined> {
  const source = await filesOf(database)
    .open(entry.source)
    .catch(() => undefined);
  if (source === undefined) return undefined;
  try {
    const followed: Followed[] = [];
    for (const sample of samples)
      followed.push({ ...sample, held: await isHeld(source, sample, sample.timestampSize) });
    return followed;
  } finally {
    await source.close();
  }
}

/** The one other file that has the length which the MANIFEST gives this one, and everything that was asked for. */
async function holderOf(
  database: Database,
  files: readonly FileOutcome[],
  { entry, live }: { entry: InventoryEntry; live: LiveBlobFile },
  samples: readonly SampledReference[],
): Promise<InventoryEntry | undefined> {
  const size = Number(live.totalBytes) + BLOB.headerLength + BLOB.footerLength;
  const holders: InventoryEntry[] = [];
  for (const { entry: other } of files) {
    if (other === entry || other.size !== size) continue;
    const followed = await follow(database, other, samples);
    if (followed?.every(({ held }) => held)) holders.push(other);
  }
  return holders.length === 1 ? holders[0] : undefined;
}

function evidenceOf(missed: readonly Followed[]) {
  const [{ table, offset, size, key }] = missed;
  return {
    table,
    at: offset,
    bytes: size,
    key: keyBytes(key),
    engine: 'Corruption: Key mismatch when reading blob',
  };
}

function wrongFile(
  entry: InventoryEntry,
  missed: readonly Followed[],
  elsewhere: InventoryEntry | undefined,
): Finding {
  const [{ table, offset }] = missed;
  const what = `${table} refers to a value at ${offset}, and no record of its key and size is there`;
  return findingAt(placeOf(entry), 'blob/wrong-file', {
    offset: 0,
    length: entry.size,
    message:
      elsewhere === undefined
        ? `The file is another one: ${what}`
        : `The file is another one: ${what}, but in ${elsewhere.file}`,
    evidence: { ...evidenceOf(missed), ...(elsewhere && { liesIn: elsewhere.file }) },
  });
}

function wrongReference(entry: InventoryEntry, blob: InventoryEntry, missed: readonly Followed[]): Finding {
  const own = missed.filter(({ table }) => table === entry.file);
  const [{ offset }] = own;
  return findingAt(placeOf(entry), 'blob/dangling-reference', {
    message: `refers to a value at ${offset} of ${blob.file}, and no record of its key and size is there (${counted(own.length, 'reference')} of those that were followed)`,
    evidence: { blobFile: blob.file, ...evidenceOf(own) },
  });
}
