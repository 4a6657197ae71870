import type { TargetReport } from '../report/report.js';
import { scanTarget } from '../scan/scan.js';
import { type Checked, confirmSighting, gaps } from './confirm.js';
import { verify } from './incidents.js';
import { LogTriage, type Triage } from './triage.js';

/** A log held against the files that it is about. */
export interface Against extends Checked {
  /** Something of the files could not be looked at. */
  incomplete: boolean;
}

/** The scan that a log is held against. Rejects with a `TargetError` when the directory cannot be listed. */
export function scanFor(directory: string, { incidents }: Triage): Promise<TargetReport> {
  const known = incidents.length > 0;
  return scanTarget(directory, { depth: 'checksums', recovery: known, application: known });
}

/** Holds what a log says against a scan of the files that it is about. */
export function heldAgainst(
  directory: string,
  { sightings, incidents }: Triage,
  report: TargetReport,
): Against {
  const confirmations = new Map(sightings.map((each) => [each, confirmSighting(each, report.findings)]));
  const verified = new Map(incidents.map((each) => [each, verify(each, report)]));
  return { directory, report, confirmations, verified, incomplete: gaps(report).length > 0 };
}

/**
 * Explains the errors of a server's log, given in pieces as they come: memory does not grow with it. `directory`: the database that it
 * is about, to see whether the files bear it out.
 */
export async function triage(
  log: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { directory }: { directory?: string } = {},
): Promise<Triage & { checked?: Against }> {
  const gathered = new LogTriage();
  for await (const piece of log) gathered.add(piece);
  const found = gathered.end();
  if (directory === undefined) return found;
  return { ...found, checked: heldAgainst(directory, found, await scanFor(directory, found)) };
}
