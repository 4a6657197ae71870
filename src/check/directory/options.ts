import { append } from '../../bytes/append.js';
import type { Database } from '../../engine/database.js';
import {
  compareVersions,
  type EngineVersion,
  formatVersion,
  newestKnown,
  parseVersion,
} from '../../engine/version.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt, placeOf } from '../../finding/finding-at.js';

/** OPTIONS: that it parses, and that it means the database that the MANIFEST describes. */
export function checkOptions(database: Database): Finding[] {
  const { optionsFile, detection } = database;
  if (optionsFile === undefined) {
    const unread = database.unread.some(({ entry }) => entry.kind === 'options');
    return unread || detection.engine !== 'rocksdb'
      ? []
      : [
          findingAt({ file: 'OPTIONS' }, 'directory/options-missing', {
            message: 'there is no OPTIONS file; the defaults of RocksDB are assumed',
            evidence: {
              walRecoveryMode: database.options.walRecoveryMode,
              release: formatVersion(database.engineVersion),
            },
          }),
        ];
  }
  const place = placeOf(optionsFile.entry);
  const findings = optionsFile.parsed.anomalies.map(({ rule, offset, length, message, evidence = {} }) =>
    findingAt(place, rule, {
      offset,
      length,
      message,
      evidence: {
        ...evidence,
        ...(database.options.walRecoveryModeStated
          ? {}
          : { walRecoveryMode: `not stated, ${database.options.walRecoveryMode} assumed` }),
      },
    }),
  );
  const stated = parseVersion(database.options.rocksdbVersion ?? '');
  if (stated !== undefined && compareReleases(stated, newestKnown) > 0) {
    findings.push(
      findingAt(place, 'engine/newer-release', {
        message: `OPTIONS was written by RocksDB ${formatVersion(stated)}; kvdoctor knows releases up to ${formatVersion(newestKnown)}`,
        evidence: { release: formatVersion(stated), newestKnown: formatVersion(newestKnown) },
      }),
    );
  }
  if (database.options.bestEffortsRecovery) {
    findings.push(
      findingAt(place, 'directory/best-efforts-recovery', {
        message: 'best_efforts_recovery=true: an open with these options ignores every WAL',
      }),
    );
  }
  // a cut file lists fewer column families than the database has; that is not reported
  if (optionsFile.parsed.anomalies.length === 0) append(findings, compareWithManifest(database));
  return findings;
}

/** By major and minor: patches change no format. */
function compareReleases(a: EngineVersion, b: EngineVersion): number {
  return compareVersions({ ...a, patch: 0 }, { ...b, patch: 0 });
}

function compareWithManifest({ optionsFile, options, manifest, version }: Database): Finding[] {
  if (optionsFile === undefined || version === undefined || manifest?.replay.complete !== true) return [];
  const place = placeOf(optionsFile.entry);
  const findings: Finding[] = [];
  const families = [...version.columnFamilies.values()];
  const live = new Set(families.map((family) => family.name));
  const onlyInOptions = [...options.columnFamilies.keys()].filter((name) => !live.has(name));
  const onlyInManifest = [...live].filter((name) => !options.columnFamilies.has(name));
  if (onlyInOptions.length > 0 || onlyInManifest.length > 0) {
    const sides = [
      ...(onlyInOptions.length > 0 ? [`only OPTIONS has ${onlyInOptions.join(', ')}`] : []),
      ...(onlyInManifest.length > 0 ? [`only the MANIFEST has ${onlyInManifest.join(', ')}`] : []),
    ];
    findings.push(
      findingAt(place, 'directory/options-column-families', {
        message: sides.join('; '),
        evidence: { onlyInOptions, onlyInManifest },
      }),
    );
  }
  for (const { name, comparator } of families) {
    const configured = options.columnFamilies.get(name)?.comparator;
    if (configured === undefined || comparator === '' || configured === comparator) continue;
    findings.push(
      findingAt(place, 'directory/options-comparator', {
        message: `column family ${name} is ordered by ${comparator}, OPTIONS says ${configured}`,
        evidence: {
          columnFamily: name,
          engine: `Invalid argument: ${configured}: does not match existing comparator ${comparator}`,
        },
      }),
    );
  }
  return findings;
}
