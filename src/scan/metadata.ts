import { finding } from '../check/cross/finding.js';
import type { Database } from '../engine/database.js';
import type { Anomaly, Finding } from '../finding/finding.js';

const of = (file: string, anomalies: readonly Anomaly[]): Finding[] =>
  anomalies.map(({ rule, ...about }) => finding(rule, file, about));

/** Checks CURRENT, MANIFEST, OPTIONS, IDENTITY and whether the files that they name are there. */
export async function checkMetadata(database: Database, _atRest: boolean): Promise<Finding[]> {
  const { current, manifest } = database;
  return [
    ...(current ? of(current.entry.file, current.decoded.anomalies) : []),
    ...(manifest ? of(manifest.entry.file, manifest.replay.anomalies) : []),
  ];
}
