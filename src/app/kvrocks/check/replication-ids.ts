import type { Database } from '../../../engine/database.js';
import type { EvidenceValue } from '../../../finding/evidence.js';
import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import { loggedBatches } from '../../../recovery/logged-batches.js';
import type { KvrocksLayout } from '../layout.js';
import { idOf } from './key-elements.js';
import { walkPrefix } from './walk.js';

const STORED = Buffer.from('replication_id_');
/** What ends a batch: tag and length of log data, `r `, the id (kvrocks src/storage/storage.cc, ServerLogData). */
const MARK = Buffer.from('\x03\x12r ');
const ID = 16;
/** Changes of the id that are told. */
const TOLD = 20;

/** The replication id that a batch carries. */
function replicationId(batch: Uint8Array): string | undefined {
  const from = batch.length - ID - MARK.length;
  if (from < 12 || Buffer.compare(batch.subarray(from, from + MARK.length), MARK) !== 0) return undefined;
  return Buffer.from(batch.subarray(batch.length - ID)).toString('latin1');
}

/**
 * Holds the replication ids that batches of the WALs carry (archived ones too) against each other and against the database's
 * own: what it is, and since when. Reads all logs.
 */
export async function checkReplicationIds(
  database: Database,
  view: View,
  layout: KvrocksLayout,
  found: (finding: Finding) => void,
): Promise<void> {
  const changes: EvidenceValue[] = [];
  let [ids, last]: [number, string | undefined] = [0, undefined];
  let [file, offset]: [string, number | undefined] = ['.', undefined];
  for await (const batch of loggedBatches(database)) {
    const id = replicationId(batch.bytes);
    if (id !== undefined && id !== last) {
      ids++;
      if (changes.length < TOLD) changes.push({ id, sequence: String(batch.sequence), file: batch.file });
      ({ file, offset } = batch);
      last = id;
    }
  }
  if (last === undefined) return;
  const own = await storedId(view, layout);
  if (ids === 1 && (own === undefined || own === last)) return;
  found({
    rule: 'kvrocks/replication-id',
    severity: 'note',
    file,
    ...(offset !== undefined && { offset, length: 0 }),
    message:
      own === undefined || own === last
        ? `Batches carry ${ids} replication ids: the server was promoted at each change`
        : 'The last batches carry another replication id than the database says is its own',
    evidence: { ids, ...(own !== undefined && { own }), last, changes },
  });
}

async function storedId(view: View, layout: KvrocksLayout): Promise<string | undefined> {
  const propagate = idOf(layout, 'propagate');
  let id: string | undefined;
  if (propagate === undefined) return undefined;
  await walkPrefix(view, propagate, STORED, (rest, value) => {
    if (rest.length === 0) id = Buffer.from(value).toString('latin1');
    return false;
  });
  return id;
}
