/**
 * Blob files of values, which the MANIFEST of Pebble names and tables refer to. An open looks at none of them: what is missing or another
 * one shows when a value is read (pebble blob_file.go, sstable/blob/fetcher.go).
 */
import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { type FindingPlace, findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import { fileBehind, type Version } from '../../format/manifest/version.js';
import type { BlobFacts, TableFacts } from '../unit.js';

interface ValueFiles {
  tables: readonly TableFacts[];
  blobs: readonly BlobFacts[];
}

export function checkPebbleBlobs(
  { inventory }: Database,
  version: Version,
  manifest: FindingPlace,
  { tables, blobs }: ValueFiles,
): Finding[] {
  const findings: Finding[] = [];
  const here = new Map(
    inventory.entries
      .filter(({ kind, place }) => kind === 'blob' && place === 'database')
      .map((entry) => [entry.number, entry]),
  );
  const ended = new Set(blobs.filter(({ hasFooter }) => hasFooter).map(({ file }) => file));
  for (const { number, size } of version.valueFiles.values()) {
    const entry = here.get(number);
    const file = fileName('blob', number);
    if (entry === undefined)
      findings.push(
        findingAt({ file }, 'directory/missing-blob', {
          message: `${manifest.file} names the blob file of ${size} bytes; it is not there`,
          evidence: { size: String(size) },
        }),
      );
    // the check of its footer says more
    else if (BigInt(entry.size) !== size && ended.has(entry.file))
      findings.push(
        findingAt(placeOf(entry), 'directory/wrong-blob-size', {
          offset: Math.min(entry.size, Number(size)),
          length: Math.max(0, entry.size - Number(size)),
          message: `the file has ${entry.size} bytes; ${manifest.file} says ${size}`,
          evidence: { expected: String(size), actual: entry.size },
        }),
      );
  }
  return [...findings, ...checkReferences(version, { tables, blobs })];
}

/** Each reference of a live table names a file that its edit lists, and a block that the file has. */
function checkReferences(version: Version, { tables, blobs }: ValueFiles): Finding[] {
  const findings: Finding[] = [];
  const factsOf = new Map(tables.map((table) => [table.number, table]));
  const blobOf = new Map(blobs.map((blob) => [blob.number, blob]));
  const seen = new Set<TableFacts>();
  for (const live of version.columnFamilies.get(0)?.tables.values() ?? []) {
    const table = factsOf.get(fileBehind(version, live).number);
    if (table?.valueReferences === undefined || seen.has(table)) continue;
    seen.add(table);
    const listed = live.blobReferences ?? [];
    for (const { reference, count, block } of table.valueReferences) {
      const file = listed[reference] === undefined ? undefined : version.valueFiles.get(listed[reference]);
      const blocks = file && blobOf.get(file.number)?.valueBlocks;
      const add = (message: string) =>
        findings.push(
          findingAt({ file: table.file }, 'blob/dangling-reference', {
            message,
            evidence: { references: count, ...(file && { blobFile: String(file.number) }), block },
          }),
        );
      if (reference >= listed.length)
        add(`holds ${count} values in blob file ${reference} of its list, which has ${listed.length}`);
      else if (blocks !== undefined && block >= blocks)
        add(`refers to block ${block} of ${fileName('blob', file!.number)}, which has ${blocks}`);
    }
  }
  return findings;
}
