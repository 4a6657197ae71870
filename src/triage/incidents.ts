import type { Certainty } from '../finding/finding.js';
import { isBefore } from './programs.js';
import type { Sighting } from './triage.js';

/** A known incident: what several symptoms, or one with the program that shows it, add up to. */
export interface Incident {
  id: string;
  title: string;
  certainty: Certainty;
  /** What in the log speaks for it. */
  basis: string;
  /** What really happened there, and what to do. */
  detail: string;
  next: readonly string[];
  references: readonly string[];
}

type Seen = ReadonlyMap<string, Sighting>;
type Versions = ReadonlyMap<string, string | undefined>;
/** The last line of each milestone. */
type Reached = ReadonlyMap<string, number>;

/** The first of these symptoms that the log shows. */
function firstOf(seen: Seen, ids: readonly string[]): Sighting | undefined {
  for (const id of ids) {
    const sighting = seen.get(id);
    if (sighting !== undefined) return sighting;
  }
  return undefined;
}

/** The first release of Kvrocks that guards the batch that EXEC shares. */
const KVROCKS_GUARDED = '2.12.1';

function sharedBatch(seen: Seen, versions: Versions): Incident | undefined {
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

function execReply(seen: Seen, versions: Versions): Incident | undefined {
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

function partedReplica(seen: Seen, versions: Versions): Incident | undefined {
  const ids = ['kvrocks-sequence-range', 'kvrocks-wal-hole', 'kvrocks-replication-id'];
  const sighting = firstOf(seen, ids);
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

/** The first release of Restate whose metadata server opens in absolute-consistency mode, and the first that does not any more. */
const STRICT_RESTATE = ['1.2.0', '1.3.1'] as const;

function tornTail(seen: Seen, versions: Versions): Incident | undefined {
  const ids = ['wal-truncated-body', 'wal-truncated-header', 'wal-missing-last-fragment'];
  const sighting = firstOf(seen, ids);
  if (sighting === undefined) return undefined;
  const restate = versions.has('Restate');
  const version = versions.get('Restate');
  const [from, to] = STRICT_RESTATE;
  const strict = restate && (version === undefined || (!isBefore(version, from) && isBefore(version, to)));
  const said = sighting.symptom.meaning.replace(/\.$/, '');
  const loops = sighting.count > 1 ? `, ${sighting.count} times` : '';
  const mode = `; Restate ${version} opens its metadata server in absolute-consistency mode`;
  return {
    id: 'torn-tail',
    title: restate
      ? 'Restate: a metadata server that does not start after it was killed'
      : 'A killed process left a torn log, and the recovery mode refuses it',
    certainty: strict ? 'likely' : 'possible',
    basis: `line ${sighting.first.line}: ${said}${loops}${strict && version !== undefined ? mode : ''}`,
    detail:
      'The last record of the newest log was cut. Where the kill tore it, it was never acknowledged; where a copy or the disk cut it later, it may have been. Only absolute-consistency mode refuses such a log (Restate’s metadata server used it from 1.2.0 to 1.3.0). Restarting does not help. Look at what each mode would keep, then cut the log in a copy.',
    next: [
      `kvdoctor simulate ${restate ? '--application ' : ''}{dir}`,
      'kvdoctor repair --mode point-in-time --dry-run {dir}',
    ],
    references: ['restatedev/restate#3154', 'restatedev/restate#3161', 'fedimint/fedimint#8614'],
  };
}

/** What RocksDB says of a table or MANIFEST that a partition cannot get at. */
const STORE_DAMAGED = ['block-checksum', 'block-zeroed', 'table-missing', 'manifest-damaged', 'table-size'];

/** A partition store that is damaged, or was repaired: it need not be. */
function partitionStore(seen: Seen): Incident | undefined {
  const blocked = seen.get('restate-partition-blocked');
  const stopped = seen.get('restate-partition-stops');
  const damage = stopped && firstOf(seen, STORE_DAMAGED);
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

/** A server that stops without a word: a database does not open, and nothing logs why. */
function silentStart(seen: Seen, reached: Reached): Incident | undefined {
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
    basis: `line ${start} starts the server, and no part of it says anything behind that`,
    detail:
      'The server opens its metadata server’s database first. Where a table of it is gone it ends with status 1 and says nothing (1.7.12). Scan the databases below base_dir, replicated-metadata-server first.',
    next: ['kvdoctor scan {dir}'],
    references: ['restate crates/metadata-server/src/raft/storage/rocksdb_builder.rs'],
  };
}

function preparedRegion(seen: Seen): Incident | undefined {
  const sighting = seen.get('tikv-prepared-region');
  if (sighting === undefined) return undefined;
  return {
    id: 'tikv-prepared-region',
    title: 'TiKV: an assertion of the in-memory engine, no damage on disk',
    certainty: 'likely',
    basis: `line ${sighting.first.line}: ${sighting.symptom.meaning}`,
    detail:
      'State of one apply round was carried into the next and an assertion stopped the server. Only nightly builds of late October 2024 have it. Data and apply state are written in one batch, so the raft log replays what is missing: when a scan is clean, start it again with another build, and delete nothing.',
    next: ['kvdoctor scan {dir}'],
    references: ['tikv/tikv#17700', 'tikv/tikv#17703'],
  };
}

function fullDisk(seen: Seen): Incident | undefined {
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

/** The known incidents that sightings add up to. */
export function recognize(seen: Seen, versions: Versions, reached: Reached): Incident[] {
  return [
    sharedBatch(seen, versions),
    execReply(seen, versions),
    partedReplica(seen, versions),
    tornTail(seen, versions),
    partitionStore(seen),
    silentStart(seen, reached),
    preparedRegion(seen),
    fullDisk(seen),
  ].filter((incident) => incident !== undefined);
}
