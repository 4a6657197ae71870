import { setBatchHeader } from '../../encode/batch/encode.js';
import type { BatchOp } from '../../format/batch/batch.js';
import { decodeBatch, isCut, MAX_OPERATIONS } from '../../format/batch/decode.js';
import { BATCH_HEADER } from '../../format/batch/tags.js';
import type { DialectName } from '../../format/dialect.js';
import { encodeBatchPrefix } from './torn-batch.js';

/** What can be used of a batch: all of it, all under another count, its first operations, or nothing. */
export interface Mended {
  sequence: bigint;
  /** Counted operations that are kept. */
  operations: number;
  /** It holds markers of transactions. */
  transactional: boolean;
  /** The kept operations in order, those that the count leaves out included. */
  kept: readonly BatchOp[];
  /** Absent when nothing of it can be used. The very same bytes when nothing is wrong with them. */
  batch?: Uint8Array;
  /** Where the batch is cut: after it nothing is kept. Absent where it is kept to its end. */
  end?: number;
  /** Operations that its header counts. */
  counted: number;
  /** Where zeros begin that stand in the place of what was written; the batch's length where none do. */
  zerosAt: number;
  /** What is wrong with it; absent for nothing. */
  detail?: string;
}

export interface MendRules {
  dialect: DialectName;
  /** The checksum of its record holds. */
  trusted: boolean;
  /** Under a wrong checksum only what stands clear of damage that shows its place is kept: before zeros, before what does not decode. */
  clearOnly?: boolean;
  /** How many of the first operations of a torn batch may stand without the rest, where the application tells. */
  commands?: ((ops: readonly BatchOp[]) => number) | undefined;
  /** Whether the WALs hold a prepared section of this name that is not decided yet. */
  isPrepared(xid: Uint8Array): boolean;
}

/** Kinds of operations that are not markers of transactions. */
const PLAIN: ReadonlySet<string> = new Set([
  'put',
  'delete',
  'single-delete',
  'merge',
  'range-delete',
  'blob-index',
  'entity',
  'timed-put',
  'log-data',
]);

/** Zeros in a row, from where nobody can tell a value from a lost page. A few at the end of a record are enough for that. */
const ZEROS = 64;
const ZEROS_AT_END = 4;

export function mendBatch(batch: Uint8Array, rules: MendRules): Mended {
  const nothing = { sequence: 0n, operations: 0, transactional: false, kept: [], counted: 0, zerosAt: 0 };
  if (batch.length < BATCH_HEADER) return { ...nothing, detail: 'it is shorter than a batch header' };
  const decoded = decodeBatch(batch, { dialect: rules.dialect });
  const { sequence, count, ops, anomalies } = decoded;
  const zerosAt = rules.trusted ? batch.length : zerosIn(batch);
  if (isCut(decoded) && !(rules.trusted && anomalies.length === 0)) {
    const detail = `it holds more than ${MAX_OPERATIONS} operations, which are not taken apart`;
    return { ...nothing, sequence, counted: count, zerosAt, detail };
  }
  const transactional = ops.some((op) => !PLAIN.has(op.kind));
  const known = { sequence, transactional, counted: count, zerosAt };
  const torn = anomalies.find(({ rule }) => rule !== 'batch/wrong-count');
  const zeros = zerosAt < batch.length || (!rules.trusted && ops.some(isZeros));
  // LevelDB applies what stands after the count, too
  const goesOn = rules.trusted && rules.dialect === 'leveldb';
  if (!rules.trusted && rules.clearOnly && torn === undefined && !zeros) {
    const detail =
      'its checksum does not match, and nothing shows which of its bytes are wrong (--strategy salvage keeps them)';
    return { ...nothing, ...known, detail };
  }
  if (torn === undefined && (decoded.counted <= count || goesOn) && !zeros) {
    const whole = { ...known, operations: decoded.counted, kept: ops };
    const stranger = rules.trusted ? undefined : strangeMarker(ops, rules);
    if (stranger === undefined && decoded.counted === count) {
      if (rules.trusted) return { ...whole, batch };
      return { ...whole, batch: batch.slice(), detail: 'its checksum does not match; it decodes whole' };
    }
    if (stranger === undefined) {
      const mended = batch.slice();
      setBatchHeader(mended, { count: decoded.counted });
      const detail = `its header counts ${count} operations, it holds ${decoded.counted}`;
      return { ...whole, batch: mended, detail };
    }
  }
  const { sound, why } = firstOperations(decoded, batch.length, zerosAt, rules);
  const decodable = closedSections(sound);
  const whole = rules.commands === undefined ? decodable : decodable.slice(0, rules.commands(decodable));
  const kept = closedSections(whole);
  const cut = whole.length < decodable.length ? ', and the command that it is part of is left out' : '';
  const operations = kept.filter((op) => op.counted).length;
  if (operations === 0) {
    const unit = rules.commands === undefined ? 'operation' : 'whole command';
    return { ...known, operations, kept: [], detail: `${why}; no ${unit} stands before that` };
  }
  const end = kept.reduce((last, op) => Math.max(last, op.offset + op.length), BATCH_HEADER);
  return {
    ...known,
    operations,
    kept,
    batch: encodeBatchPrefix(batch, end, rules.dialect),
    end,
    detail: `${why}${cut}`,
  };
}

/**
 * The operations in front of whatever is wrong first, and what that is. An operation is kept only with all before it: each
 * takes a sequence number from its place. And never more than the header counts: what stands after these belongs to nobody.
 */
function firstOperations(
  { count, ops, anomalies, counted }: ReturnType<typeof decodeBatch>,
  length: number,
  zerosAt: number,
  rules: MendRules,
): { sound: BatchOp[]; why: string } {
  const torn = anomalies.find(({ rule }) => rule !== 'batch/wrong-count');
  const bad = anomalies.reduce(
    (least, { rule, offset }) => (rule === 'batch/wrong-count' ? least : Math.min(least, offset)),
    length,
  );
  const sound: BatchOp[] = [];
  let left = count;
  for (const op of ops) {
    const at = `at ${op.offset} of its ${length} bytes`;
    if (op.offset + op.length > zerosAt) break;
    if (op.offset + op.length > bad) break;
    if (op.counted && left-- === 0) {
      return { sound, why: `its header counts ${count} operations, ${counted} decode` };
    }
    if (!rules.trusted && isZeros(op))
      return { sound, why: `zeros ${at} read as deletions of the empty key` };
    if (!rules.trusted && strangeMarker([op], rules) !== undefined) {
      return { sound, why: `the ${op.kind} ${at} is of a transaction that the WALs do not hold` };
    }
    sound.push(op);
  }
  if (zerosAt <= bad && zerosAt < length)
    return { sound, why: `zeros begin at ${zerosAt} of its ${length} bytes` };
  // where the decoder stumbles, the operation before may already hold the damage: a wrong length swallows what follows
  if (!rules.trusted && rules.clearOnly) sound.pop();
  if (torn === undefined) return { sound, why: 'its checksum does not match' };
  const at = torn.offset > 0 ? ` at ${torn.offset} of its ${length} bytes` : '';
  return { sound, why: `${torn.message}${at}` };
}

/** What zeros decode to: a deletion of the empty key in the default column family. */
export function isZeros({ tag, columnFamily, key, length }: BatchOp): boolean {
  return tag === 0 && columnFamily === 0 && key.length === 0 && length === 2;
}

/** A decision about a transaction that is not there: under a wrong checksum it may be meant for another one. */
function strangeMarker(ops: readonly BatchOp[], { isPrepared }: MendRules): BatchOp | undefined {
  const own = new Set(ops.filter(({ kind }) => kind === 'end-prepare').map(({ key }) => nameOf(key)));
  return ops.find(
    ({ kind, key }) =>
      (kind === 'commit' || kind === 'commit-with-timestamp' || kind === 'rollback') &&
      !own.has(nameOf(key)) &&
      !isPrepared(key),
  );
}

const nameOf = (xid: Uint8Array) => Buffer.from(xid).toString('latin1');

/** Without a prepared section at the end that does not end: the engine would take what follows for a part of it. */
function closedSections(ops: readonly BatchOp[]): readonly BatchOp[] {
  const begin = ops.findLastIndex(({ kind }) => kind.startsWith('begin-'));
  if (begin < 0 || ops.slice(begin).some(({ kind }) => kind === 'end-prepare')) return ops;
  return ops.slice(0, begin);
}

/** Where zeros begin that more likely stand in the place of something than mean anything. */
function zerosIn(batch: Uint8Array): number {
  let run = 0;
  for (let at = BATCH_HEADER; at < batch.length; at++) {
    run = batch[at] === 0 ? run + 1 : 0;
    if (run === ZEROS) return at + 1 - ZEROS;
  }
  return run >= ZEROS_AT_END ? batch.length - run : batch.length;
}
