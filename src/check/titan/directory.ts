import { keyBytes } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { CURRENT_LIMIT, decodeCurrent } from '../../format/current.js';
import { readTitanManifest, type TitanFile, type TitanManifest } from '../../format/titan/manifest.js';
import { readHead } from '../../io/head.js';
import type { Inventory, InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import type { Depth, TableFacts, Unchecked } from '../unit.js';
import { checkTitanBlobFile, type TitanBlobReport, type TitanReference } from './blob-file.js';

/** What the tables of the database say of Titan's files. */
interface TitanContext {
  /** Of live tables. */
  tables: readonly TableFacts[];
  depth: Depth;
  /** Of references to files that Titan does not name: those that a reader follows, with the first key. Older versions stay behind. */
  followed(absent: ReadonlySet<number>): Promise<FollowedReferences | undefined>;
}

interface FollowedReferences {
  count: number;
  /** File and key of the first. */
  first?: { file: number; key: Uint8Array };
}

export interface TitanResult {
  findings: Finding[];
  unchecked: Unchecked[];
  bytesRead: number;
}

type References = Map<number, { places: TitanReference[]; tables: Set<string> }>;

/** Checks what lies in titandb/: the MANIFEST, every blob file that it names, and what the tables refer to there. */
export async function checkTitan(inventory: Inventory, context: TitanContext): Promise<TitanResult> {
  const result: TitanResult = { findings: [], unchecked: [], bytesRead: 0 };
  const manifest = await manifestOf(inventory, result);
  const references = referencesOf(context.tables, result);
  const blobs = new Map(
    inventory.entries.flatMap((entry) =>
      entry.kind === 'blob' && entry.number !== undefined ? [[Number(entry.number), entry] as const] : [],
    ),
  );
  const numbers = new Set([...blobs.keys(), ...[...(manifest?.files.keys() ?? [])].map(Number)]);
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const live = manifest?.files.get(BigInt(number));
    const entry = blobs.get(number);
    if (entry !== undefined) await checkFile(entry, live, manifest, references.get(number), context, result);
    else if (live !== undefined) {
      const holders = references.get(number)?.tables ?? new Set();
      const message = `${live.size} bytes of values of column family ${live.columnFamily} are gone; ${holders.size} tables refer to the file`;
      result.findings.push(findingAt({ file: nameOf(number) }, 'titan/missing-blob-file', { message }));
    }
  }
  if (manifest?.complete) await checkAbsent(manifest, references, context, result);
  return result;
}

const DIRECTORY = 'titandb';
const inTitan = (name: string) => ({ file: `${DIRECTORY}/${name}` });
const nameOf = (number: number) => `${DIRECTORY}/${String(number).padStart(6, '0')}.blob`;

async function manifestOf(inventory: Inventory, result: TitanResult): Promise<TitanManifest | undefined> {
  const own = inventory.entries.filter(({ place }) => place === 'database');
  const wrong = (name: string, message: string, offset = 0, length = 0) =>
    result.findings.push(findingAt(inTitan(name), 'titan/manifest', { offset, length, message }));
  const current = own.find(({ kind }) => kind === 'current');
  if (current === undefined) {
    if (own.some(({ kind }) => kind === 'blob'))
      wrong('CURRENT', 'it is not there: Titan begins anew, and every value in a blob file is gone');
    return undefined;
  }
  const { manifest: name, anomalies } = decodeCurrent(await readHead(current.source, CURRENT_LIMIT));
  if (name === undefined || anomalies.length > 0) {
    wrong('CURRENT', anomalies[0]?.message ?? 'it names no MANIFEST', 0, current.size);
    return undefined;
  }
  const entry = own.find((each) => each.name === name);
  if (entry === undefined) {
    wrong('CURRENT', `it names ${name}, which is not there`, 0, current.size);
    return undefined;
  }
  const source = await openSource(entry.source);
  try {
    const manifest = await readTitanManifest(source);
    result.bytesRead += source.size;
    for (const { message, offset, length } of manifest.anomalies) wrong(name, message, offset, length);
    return manifest;
  } finally {
    await source.close();
  }
}

/** Places by file, in order, each once. */
function referencesOf(tables: readonly TableFacts[], result: TitanResult): References {
  const found: References = new Map();
  for (const { file, titan } of tables) {
    if (titan === undefined) continue;
    const { places, leftOut } = titan;
    for (let i = 0; i < places.length; i += 3) {
      const of = found.get(places[i]) ?? { places: [], tables: new Set<string>() };
      found.set(places[i], of);
      of.tables.add(file);
      of.places.push({ offset: places[i + 1], size: places[i + 2] });
    }
    if (leftOut > 0) {
      const reason = `${leftOut} more references to blob files of Titan are not held against the files`;
      result.unchecked.push({ file, reason });
    }
  }
  for (const of of found.values()) {
    of.places.sort((a, b) => a.offset - b.offset || a.size - b.size);
    of.places = of.places.filter(
      ({ offset, size }, i, all) => offset !== all[i - 1]?.offset || size !== all[i - 1].size,
    );
  }
  return found;
}

async function checkFile(
  entry: InventoryEntry,
  live: TitanFile | undefined,
  manifest: TitanManifest | undefined,
  references: { places: TitanReference[]; tables: Set<string> } | undefined,
  { depth }: TitanContext,
  result: TitanResult,
): Promise<void> {
  const place = inTitan(entry.name);
  // Titan removes what its MANIFEST does not name when it opens
  const unused = live === undefined && manifest?.complete === true;
  const found = (
    rule: 'titan/bad-blob-file' | 'titan/record',
    offset: number,
    length: number,
    message: string,
  ) =>
    result.findings.push(
      findingAt(place, rule, { offset, length, message, ...(unused && { severity: 'note' as const }) }),
    );
  let report: TitanBlobReport;
  const source = await openSource(entry.source);
  try {
    report = await checkTitanBlobFile(source, references?.places ?? [], depth);
    result.bytesRead += source.size;
  } finally {
    await source.close();
  }
  const { file, damaged, dangling, punched, unchecked, records } = report;
  for (const { part, offset, length, message } of file.flaws)
    found('titan/bad-blob-file', offset, length, `${part}: ${message}`);
  for (const { offset, length, message } of damaged) found('titan/record', offset, length, message);
  if (live !== undefined && BigInt(entry.size) !== live.size)
    found(
      'titan/bad-blob-file',
      0,
      entry.size,
      `the MANIFEST of Titan says ${live.size} bytes, it has ${entry.size}`,
    );
  else if (
    live?.entries !== undefined &&
    records !== undefined &&
    damaged.length === 0 &&
    file.blockSize === 0
  )
    if (BigInt(records) !== live.entries)
      found(
        'titan/bad-blob-file',
        0,
        entry.size,
        `the MANIFEST of Titan counts ${live.entries} records, ${records} are there`,
      );
  for (const each of unchecked) result.unchecked.push({ ...place, ...each });
  if (punched > 0) {
    const reason = `${punched} references lead to places that garbage collection gives back to the disk: whether they are of older versions is not known`;
    result.unchecked.push({ ...place, reason });
  }
  if (dangling.length === 0 || file.flaws.length > 0) return;
  const [{ offset, size, message }] = dangling;
  const tables = [...references!.tables].sort();
  result.findings.push(
    findingAt({ file: tables[0] }, 'titan/dangling-reference', {
      message: `${dangling.length} references to ${place.file} lead to no value; the first, to ${size} bytes at ${offset}, ${message}`,
      evidence: { tables: tables.join(', '), references: dangling.length },
    }),
  );
}

/** References to files that Titan does not name: older versions keep theirs after garbage collection. */
async function checkAbsent(
  { files }: TitanManifest,
  references: References,
  { followed }: TitanContext,
  result: TitanResult,
): Promise<void> {
  const absent = new Set([...references.keys()].filter((number) => !files.has(BigInt(number))));
  if (absent.size === 0) return;
  const read = await followed(absent);
  if (read === undefined) {
    const reason = `tables refer to ${absent.size} blob files that Titan does not name: whether a reader follows these is not known`;
    result.unchecked.push({ file: DIRECTORY, reason });
  } else if (read.first !== undefined) {
    const { file, key } = read.first;
    result.findings.push(
      findingAt({ file: [...references.get(file)!.tables].sort()[0] }, 'titan/dangling-reference', {
        message: `${read.count} values lie in blob files that the MANIFEST of Titan does not name, the first in ${nameOf(file)}`,
        evidence: { key: keyBytes(key), references: read.count },
      }),
    );
  }
}
