import { counted } from '../../finding/quantity.js';
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
import { kvrocksSymptoms } from './symptoms.js';

/** The first release of Kvrocks that guards the batch that EXEC shares. */
const KVROCKS_GUARDED = '2.12.1';

function sharedBatch(log: LogReading): Incident | undefined {
  const { seen, versions } = log;
  const batch = seen.get('batch-incoherent');
  const crash = seen.get('kvrocks-crash');
  const sighting = batch ?? crash;
  if (sighting === undefined || !versions.has('Kvrocks')) return undefined;
  const version = versions.get('Kvrocks');
  const affected = version !== undefined && isBefore(version, KVROCKS_GUARDED);
  if (version !== undefined && !affected) return undefined;
  const certainty = batch !== undefined && affected ? 'likely' : 'possible';
  const said =
    batch !== undefined ? 'a batch that contradicts itself' : 'a crash without a word of its cause';
  return {
    id: 'kvrocks-shared-batch',
    title: 'Kvrocks: two threads wrote into one batch (MULTI/EXEC that wakes a blocked client)',
    certainty,
    basis: `line ${sighting.first.line} shows ${said}; Kvrocks ${version ?? 'of an unknown version'}${affected ? ` is older than ${KVROCKS_GUARDED}, which has the fix` : ''}`,
    detail:
      'A push inside MULTI/EXEC woke a blocked BLPOP, BRPOP, BZPOP or XREAD, which then wrote into the same batch from another thread. Neither the disk nor the settings are to blame. The log may hold a damaged batch that no recovery mode opens; or it is whole and lists have a head that points at a deleted element. Upgrade to 2.12.1 or later; until then do not push inside MULTI to lists that clients wait on.',
    next: ['kvdoctor scan {dir}', 'kvdoctor simulate {dir}'],
    references: ['apache/kvrocks#2766', 'apache/kvrocks#2900', 'apache/kvrocks#2910'],
  };
}

/** A batch under the right checksum that does not decode; or the same race in whole batches, seen in what they left. */
function verifySharedBatch(scan: ScanResult): Verified {
  const batch = errorsOf(scan).find(({ rule }) => rule.startsWith('batch/'));
  if (batch !== undefined)
    return bornOut(
      `${findingName(batch)}: the batch stands under the right checksum, so it was wrong before it was written, and the disk is not to blame`,
    );
  const counting = errorsOf(scan).find(({ cause }) => cause?.kind === 'memory');
  if (counting?.cause !== undefined)
    return bornOut(
      `${findingName(counting)}, whose cause is ${counting.cause.certainty}: ${counting.cause.detail}`,
    );
  const inconsistent = errorsOf(scan).filter(({ rule }) => rule.startsWith('kvrocks/'));
  if (inconsistent.length > 0)
    return bornOut(
      `the logs are whole, and ${counted(inconsistent.length, 'finding')} in the contents (${findingName(inconsistent[0])}) are what mixed batches leave`,
    );
  const errors = errorsOf(scan);
  if (errors.length > 0)
    return contradicted(`what a scan finds is something else: ${findingName(errors[0])}`);
  return undecided(
    scan.application?.checked
      ? 'they are whole, and every key agrees with its elements: the mixed batch did not reach them, or they were repaired since'
      : 'they are whole; their contents were not looked at',
  );
}

function execReply(log: LogReading): Incident | undefined {
  const { seen, versions } = log;
  const stall = seen.get('write-stall');
  if (stall === undefined || !versions.has('Kvrocks')) return undefined;
  const version = versions.get('Kvrocks');
  if (version !== undefined && !isBefore(version, '2.13.0')) return undefined;
  return {
    id: 'kvrocks-exec-reply',
    title: 'Kvrocks: EXEC acknowledged writes and then failed',
    certainty: 'possible',
    basis: `line ${stall.first.line} shows a write that was refused for a stall`,
    detail:
      'An EXEC whose commit is refused has already sent +OK for each command, and then adds an error that belongs to no command: the client takes it for the reply to its next command and is one off from then on. Close such connections; check their captures, and write again what is proven to be absent.',
    next: ['kvdoctor resp REPLIES --requests REQUESTS'],
    references: ['apache/kvrocks#2992', 'apache/kvrocks#2996'],
  };
}

function partedReplica(log: LogReading): Incident | undefined {
  const { versions } = log;
  const ids = ['kvrocks-sequence-range', 'kvrocks-wal-hole', 'kvrocks-replication-id'];
  const sighting = firstSeen(log, ids);
  if (sighting === undefined || !versions.has('Kvrocks')) return undefined;
  return {
    id: 'kvrocks-parted-replica',
    title: 'Kvrocks: master and replica have different histories',
    certainty: 'possible',
    basis: `line ${sighting.first.line}: ${sighting.symptom.meaning}`,
    detail:
      'Replication goes by sequence number alone. A write of the replica’s own, a failover or purged logs make the same numbers mean different writes on the two sides, and updates are then skipped in silence. Compare the two before a full synchronisation removes the evidence.',
    next: ['kvdoctor compare MASTER REPLICA'],
    references: ['apache/kvrocks#2214', 'apache/kvrocks#462', 'apache/kvrocks#538'],
  };
}

/** What servers of Kvrocks say in their logs. */
export const kvrocksLogs: LogKnowledge = {
  program: {
    name: 'Kvrocks',
    pattern: /kvrocks version v?(\d+(?:\.\d+)*)|\[event_listener\/|kvrocks/i,
    anchors: ['kvrocks', '[event_listener/'],
  },
  symptoms: kvrocksSymptoms,
  incidents: [
    { id: 'kvrocks-shared-batch', recognize: sharedBatch, verify: verifySharedBatch },
    {
      id: 'kvrocks-exec-reply',
      recognize: execReply,
      verify: () =>
        undecided(
          'a refused write leaves nothing on disk: only a capture and the logs together tell (kvdoctor resp --dir)',
        ),
    },
    {
      id: 'kvrocks-parted-replica',
      recognize: partedReplica,
      verify: () => undecided('one directory cannot tell: it takes both (kvdoctor compare)'),
    },
  ],
};
