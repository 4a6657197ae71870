import type { Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import type { TargetReport } from '../report/report.js';
import type { Incident } from './incidents.js';

/** Whether the files of a database bear a known incident out. */
export interface Verified {
  verdict: 'borne-out' | 'contradicted' | 'open';
  /** One sentence for a person. */
  detail: string;
}

type Verify = (report: TargetReport) => Verified;

const bornOut = (detail: string): Verified => ({ verdict: 'borne-out', detail });
const contradicted = (detail: string): Verified => ({ verdict: 'contradicted', detail });
const open = (detail: string): Verified => ({ verdict: 'open', detail });

const named = ({ rule, file }: Finding) => (file === '.' ? rule : `${rule} in ${file}`);
const errorsOf = ({ findings }: TargetReport) => findings.filter(({ severity }) => severity === 'error');
const applicationErrors = (report: TargetReport, area: string) =>
  errorsOf(report).filter(({ rule }) => rule.startsWith(`${area}/`));

/** A batch under the right checksum that does not decode; or the same race in whole batches, seen in what they left. */
function sharedBatch(report: TargetReport): Verified {
  const batch = errorsOf(report).find(({ rule }) => rule.startsWith('batch/'));
  if (batch !== undefined)
    return bornOut(
      `${named(batch)}: the batch stands under the right checksum, so it was wrong before it was written, and the disk is not to blame`,
    );
  const counting = errorsOf(report).find(({ cause }) => cause?.kind === 'memory');
  if (counting?.cause !== undefined)
    return bornOut(
      `${named(counting)}, whose cause is ${counting.cause.certainty}: ${counting.cause.detail}`,
    );
  const inconsistent = applicationErrors(report, 'kvrocks');
  if (inconsistent.length > 0)
    return bornOut(
      `the logs are whole, and ${counted(inconsistent.length, 'finding')} in the contents (${named(inconsistent[0])}) are what mixed batches leave`,
    );
  const errors = errorsOf(report);
  if (errors.length > 0) return contradicted(`what a scan finds is something else: ${named(errors[0])}`);
  return open(
    report.application?.checked
      ? 'they are whole, and every key agrees with its elements: the mixed batch did not reach them, or they were repaired since'
      : 'they are whole; their contents were not looked at',
  );
}

/** Nothing but the strictest mode refuses, and no other loses a record. */
function tornTail({ recovery = [] }: TargetReport): Verified {
  const strict = recovery.find(({ mode }) => mode === 'absolute-consistency');
  const lenient = recovery.find(({ mode }) => mode === 'tolerate-corrupted-tail');
  if (strict === undefined || lenient === undefined) return open('what the recovery modes do cannot be told');
  if (strict.opens) return contradicted('every recovery mode opens it: the log was cut or replaced since');
  const { records = 0, damagedBytes = 0 } = lenient.lost;
  if (!lenient.opens || records > 0 || damagedBytes > 0)
    return contradicted(
      'more than the end of a log is damaged: do not cut it before you have seen what kvdoctor simulate says',
    );
  return bornOut(
    `only absolute-consistency refuses (${strict.error}); the other modes open it and lose no record, so the torn end is safe to cut`,
  );
}

function withoutDamage(report: TargetReport): Verified {
  const errors = errorsOf(report);
  if (errors.length > 0)
    return contradicted(`there is damage too: ${named(errors[0])}; look at it before you start the server`);
  return report.application?.checked
    ? bornOut('the files are whole, and what they hold keeps to its own rules')
    : bornOut('the files are whole');
}

function fullDisk(report: TargetReport): Verified {
  const errors = errorsOf(report);
  return errors.length > 0
    ? bornOut(`${counted(errors.length, 'error')}: ${named(errors[0])}`)
    : contradicted('a scan finds no damage: what was cut was never needed, or this is another directory');
}

/** The application says where the store is built again from, where a scan finds it damaged. */
function partitionStore({ application, findings }: TargetReport): Verified {
  const damage = findings.find(({ severity }) => severity === 'error');
  if (damage === undefined)
    return contradicted('a scan finds no damage: it was built again since, or this is another directory');
  if (application?.rebuild === undefined)
    return open(`${named(damage)}; it is no partition store of Restate, or too damaged to tell`);
  const { detail, command } = application.rebuild;
  return command === undefined ? open(`${named(damage)}. ${detail}`) : bornOut(`${named(damage)}. ${detail}`);
}

function silentStart(report: TargetReport): Verified {
  const [error] = errorsOf(report);
  return error === undefined
    ? contradicted('this database opens: look at the others of the node')
    : bornOut(named(error));
}

const checks: Readonly<Record<string, Verify>> = {
  'kvrocks-shared-batch': sharedBatch,
  'kvrocks-exec-reply': () =>
    open(
      'a refused write leaves nothing on disk: only a capture and the logs together tell (kvdoctor resp --dir)',
    ),
  'kvrocks-parted-replica': () => open('one directory cannot tell: it takes both (kvdoctor compare)'),
  'torn-tail': tornTail,
  'restate-partition-store': partitionStore,
  'restate-silent-start': silentStart,
  'tikv-prepared-region': withoutDamage,
  'full-disk': fullDisk,
};

/** Holds an incident against a scan of the database, made with its recovery modes and its contents. */
export function verify({ id }: Incident, report: TargetReport): Verified | undefined {
  return checks[id]?.(report);
}
