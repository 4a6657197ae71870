import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';
import { fileName } from '../../format/filename.js';
import { LEGACY_HEADER } from '../../format/log/types.js';
import type { TableFacts } from '../unit.js';

/** What the file was most likely called: it is made right after the MANIFEST, in a new directory after a WAL too. */
function likelyName(manifest: bigint | undefined): string {
  if (manifest === undefined) return 'OPTIONS';
  return fileName('options', manifest === 1n ? 3n : manifest + 1n);
}

/** OPTIONS: that Pebble can read it, and that it means this database, whose tables are given. */
export function checkOptionsNames(database: Database, tables: readonly TableFacts[]): Finding[] {
  const { optionsFile, options, version, manifest } = database;
  if (optionsFile === undefined) {
    const isUnread = database.unread.some(({ entry }) => entry.kind === 'options');
    return isUnread
      ? []
      : [
          findingAt({ file: likelyName(manifest?.entry.number) }, 'directory/options-missing', {
            severity: 'warning',
            message: 'there is no OPTIONS file; Pebble opens without it and goes by its own options',
          }),
        ];
  }
  const { entry, parsed } = optionsFile;
  const place = placeOf(entry);
  const findings = parsed.anomalies.map(({ rule, offset, length, message, evidence = {} }) =>
    findingAt(place, rule, { offset, length, message, evidence }),
  );
  const { comparer, merger } = options.pebble ?? {};
  const own = version?.columnFamilies.get(0)?.comparator;
  if (comparer !== undefined && own && comparer !== own && manifest?.named) {
    const message = `the MANIFEST says that keys are ordered by ${own}, OPTIONS ${comparer}`;
    findings.push(
      findingAt(place, 'directory/options-comparator', {
        severity: 'error',
        message,
        evidence: {
          engine: `pebble: comparer name from file "${comparer}" != comparer name from options "${own}"`,
        },
      }),
    );
    // where no table settles it, either of the two may be the wrong one
    if (!tables.some(({ comparator }) => comparator === own))
      findings.push(
        findingAt(placeOf(manifest.entry), 'directory/options-comparator', {
          severity: 'error',
          offset: 0,
          length: LEGACY_HEADER,
          message,
          evidence: { options: comparer },
        }),
      );
  }
  const written = tables.find(({ mergeOperator }) => mergeOperator)?.mergeOperator;
  if (merger !== undefined && written !== undefined && merger !== written) {
    findings.push(
      findingAt(place, 'directory/options-merger', {
        message: `OPTIONS names the merger ${merger}, tables were written with ${written}`,
        evidence: {
          engine: `pebble: merger name from file "${merger}" != merger name from options "${written}"`,
        },
      }),
    );
  }
  return findings;
}
