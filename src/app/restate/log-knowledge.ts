import {
  bornOut,
  contradicted,
  errorsOf,
  findingName,
  firstSeen,
  type Incident,
  isBefore,
  type LogKnowledge,
  type LogReading,
  type ScanResult,
  undecided,
  type Verified,
} from '../log-knowledge.js';
import { TORN_LOG, tornLog, verifyTornLog } from '../torn-log.js';
import { restateMilestones, restateSymptoms } from './symptoms.js';

/** The first release of Restate whose metadata server opens in absolute-consistency mode, and the first that does not any more. */
const STRICT_RESTATE = ['1.2.0', '1.3.1'] as const;

function tornServerLog(log: LogReading): Incident | undefined {
  const { versions } = log;
  if (!versions.has('Restate')) return undefined;
  const version = versions.get('Restate');
  const [from, to] = STRICT_RESTATE;
  const strict = version === undefined || (!isBefore(version, from) && isBefore(version, to));
  return tornLog(log, {
    title: 'Restate: a metadata server that does not start after it was killed',
    certainty: strict ? 'likely' : 'possible',
    ...(strict &&
      version !== undefined && {
        mode: `; Restate ${version} opens its metadata server in absolute-consistency mode`,
      }),
    simulate: 'kvdoctor simulate --application {dir}',
  });
}

/** What RocksDB says of a table or MANIFEST that a partition cannot get at. */
const STORE_DAMAGED = ['block-checksum', 'block-zeroed', 'table-missing', 'manifest-damaged', 'table-size'];

/** A partition store that is damaged, or was repaired: it need not be. */
function partitionStore(log: LogReading): Incident | undefined {
  const { seen } = log;
  const blocked = seen.get('restate-partition-blocked');
  const stopped = seen.get('restate-partition-stops');
  const damage = stopped && firstSeen(log, STORE_DAMAGED);
  const sighting = blocked ?? damage;
  if (sighting === undefined) return undefined;
  return {
    id: 'restate-partition-store',
    title: 'Restate: a partition store that is built again from the log',
    certainty: 'likely',
    basis:
      blocked === undefined
        ? `line ${stopped?.first.line} shows a partition that stops, line ${sighting.first.line} why`
        : `line ${sighting.first.line}: ${sighting.symptom.meaning}`,
    detail:
      'The partition store (db below base_dir) holds nothing that is not in the log as well, as far as the log has not been trimmed. Do not repair it in a way that loses entries: a partition that has lost some is blocked, or goes on with wrong state. Stop the node, move db away, start it: it is built again from the log. A scan looks at the log beside it first.',
    next: [`kvdoctor scan ${blocked === undefined ? '' : '--application '}{dir}`],
    references: ['restate crates/partition-store/src/migrations.rs'],
  };
}

/** The application says where the store is built again from, where a scan finds it damaged. */
function verifyPartitionStore({ application, findings }: ScanResult): Verified {
  const damage = findings.find(({ severity }) => severity === 'error');
  if (damage === undefined)
    return contradicted('a scan finds no damage: it was built again since, or this is another directory');
  if (application?.rebuild === undefined)
    return undecided(`${findingName(damage)}; it is no partition store of Restate, or too damaged to tell`);
  const { detail, command } = application.rebuild;
  return command === undefined
    ? undecided(`${findingName(damage)}. ${detail}`)
    : bornOut(`${findingName(damage)}. ${detail}`);
}

/** A server that stops silently: a database does not open, and nothing logs why. */
function silentStart(log: LogReading): Incident | undefined {
  const { seen, reached } = log;
  const start = reached.get('restate-start');
  if (start === undefined || (reached.get('restate-work') ?? 0) > start) return undefined;
  const said = [...seen.values()].some(
    ({ symptom, last }) => symptom.severity === 'error' && last.line > start,
  );
  if (said) return undefined;
  return {
    id: 'restate-silent-start',
    title: 'Restate: a server that ends in silence',
    certainty: 'possible',
    basis: `line ${start} starts the server, and no part of it says anything after that`,
    detail:
      'The server opens its metadata server’s database first. Where a table of it is gone it ends with status 1 and says nothing (1.7.12). Scan the databases below base_dir, replicated-metadata-server first.',
    next: ['kvdoctor scan {dir}'],
    references: ['restate crates/metadata-server/src/raft/storage/rocksdb_builder.rs'],
  };
}

function verifySilentStart(scan: ScanResult): Verified {
  const [error] = errorsOf(scan);
  return error === undefined
    ? contradicted('this database opens: look at the others of the node')
    : bornOut(findingName(error));
}

/** What servers of Restate say in their logs. */
export const restateLogs: LogKnowledge = {
  program: {
    name: 'Restate',
    // the version may stand after another mention of the name
    pattern: /^(?=.*restate)(?:.*restate(?:[- ]server)?[ :/]+v?(\d+\.\d+\.\d+))?/i,
    anchors: ['restate'],
  },
  symptoms: restateSymptoms,
  milestones: restateMilestones,
  incidents: [
    { id: TORN_LOG, recognize: tornServerLog, verify: verifyTornLog },
    { id: 'restate-partition-store', recognize: partitionStore, verify: verifyPartitionStore },
    { id: 'restate-silent-start', recognize: silentStart, verify: verifySilentStart },
  ],
};
