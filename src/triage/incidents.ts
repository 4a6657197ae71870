import {
  bornOut,
  contradicted,
  errorsOf,
  findingName,
  type Incident,
  type KnownIncident,
  type LogReading,
  type ScanResult,
  type Verified,
} from '../app/log-knowledge.js';
import { TORN_LOG, tornLog, verifyTornLog } from '../app/torn-log.js';
import { counted } from '../finding/quantity.js';
import { applicationLogs } from './knowledge.js';

function fullDisk({ seen }: LogReading): Incident | undefined {
  const full = seen.get('disk-full');
  if (full === undefined) return undefined;
  const after = [...seen.values()].find(
    ({ symptom, last }) =>
      symptom.id !== 'disk-full' && symptom.severity === 'error' && last.line > full.first.line,
  );
  if (after === undefined) return undefined;
  return {
    id: 'full-disk',
    title: 'The disk was full, and files were cut where it filled up',
    certainty: 'likely',
    basis: `line ${full.first.line} says that no space is left, line ${after.last.line} reports damage after it`,
    detail:
      'Files that were being written when the disk filled up end there. Make room, look at the files whose time is that of the message, and repair a copy.',
    next: ['kvdoctor scan {dir}'],
    references: full.symptom.references,
  };
}

function verifyFullDisk(scan: ScanResult): Verified {
  const errors = errorsOf(scan);
  return errors.length > 0
    ? bornOut(`${counted(errors.length, 'error')}: ${findingName(errors[0])}`)
    : contradicted('a scan finds no damage: what was cut was never needed, or this is another directory');
}

/** Incidents that an application knows better come first. */
const known: readonly KnownIncident[] = [
  ...applicationLogs.flatMap(({ incidents = [] }) => incidents),
  {
    id: TORN_LOG,
    recognize: (log) =>
      tornLog(log, {
        title: 'A killed process left a torn log, and the recovery mode refuses it',
        certainty: 'possible',
        simulate: 'kvdoctor simulate {dir}',
      }),
    verify: verifyTornLog,
  },
  { id: 'full-disk', recognize: fullDisk, verify: verifyFullDisk },
];

/** The known incidents that a log shows, each once. */
export function recognize(log: LogReading): Incident[] {
  const found = new Map<string, Incident>();
  for (const { id, recognize: read } of known) {
    const incident = found.has(id) ? undefined : read(log);
    if (incident !== undefined) found.set(id, incident);
  }
  return [...found.values()];
}

/** Holds an incident against a scan of the database, made with its recovery modes and its contents. */
export function verify({ id }: Incident, scan: ScanResult): Verified | undefined {
  return known.find((each) => each.id === id)?.verify(scan);
}
