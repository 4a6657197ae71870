import { allApplications } from '../app/applications.js';
import type { BatchDefect } from '../app/profile.js';
import type { ByteSource } from '../bytes/source.js';
import type { WalFacts } from '../check/unit.js';
import type { EvidenceValue } from '../finding/evidence.js';
import type { Cause, Finding, Impact } from '../finding/finding.js';
import { counted, offsetText } from '../finding/quantity.js';
import type { BatchOp, WriteBatch } from '../format/batch/batch.js';
import { decodeBatch } from '../format/batch/decode.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { type Realigned, realign } from './realign.js';
import { impactOfBatch } from './wal-impact.js';
import { type LogicalRecord, logicalRecordAt } from './wal-record.js';

interface BatchDiagnosis {
  cause: Cause;
  impact: Impact;
  /** Added to the finding's evidence. */
  evidence: Record<string, EvidenceValue>;
}

/** Operations shown on either side of the place where the parser lost step. */
const SHOWN = 4;

/**
 * Why a batch under a matching checksum makes no sense. The checksum was computed over these very bytes, so they were
 * wrong in memory; how they are wrong says what a writer did to them.
 */
export async function batchCause(
  source: ByteSource,
  facts: WalFacts,
  finding: Finding,
): Promise<BatchDiagnosis | undefined> {
  if (finding.offset === undefined) return undefined;
  const record = await logicalRecordAt(source, facts, finding.offset);
  if (record === undefined) return undefined;
  const batch = decodeBatch(record.bytes, { dialect: facts.dialect });
  const families = new Set([0, ...facts.columnFamilies.map(({ id }) => id)]);
  for (const op of batch.ops) families.add(op.columnFamily);
  const whole = batch.decodedLength === record.bytes.length;
  const told =
    record.bytes.length < BATCH_HEADER
      ? tooShort(record.bytes)
      : whole
        ? miscounted(batch)
        : lostStep(record, batch, families, facts.dialect);
  const groups = logDataOf(batch, record.bytes, told.realigned);
  const defect = await batchDefect(groups);
  if (groups.length > 0) told.evidence.logData = groups;
  if (defect !== undefined) told.evidence.seeAlso = defect.seeAlso;
  return {
    cause: {
      kind: 'software',
      certainty: 'likely',
      detail: `the bytes were wrong before their checksum was computed: ${told.detail}${defect === undefined ? '' : `. ${defect.detail}`}`,
      basis:
        'the checksum holds, so the disk gave back what it was given; failing memory is the other suspect',
    },
    impact: impactOfBatch(batch),
    evidence: told.evidence,
  };
}

interface Telling {
  detail: string;
  evidence: Record<string, EvidenceValue>;
  realigned?: Realigned;
}

function tooShort({ length }: Uint8Array): Telling {
  return {
    detail: `${counted(length, 'byte')} were logged as a batch, whose header alone has ${BATCH_HEADER}`,
    evidence: {},
  };
}

function miscounted(batch: WriteBatch): Telling {
  const more = batch.count > batch.counted;
  const difference = (batch.count ^ batch.counted) >>> 0;
  const oneBit = difference !== 0 && (difference & (difference - 1)) === 0;
  if (batch.counted === batch.count) {
    return { detail: 'every operation decodes, and one of them cannot be what a writer meant', evidence: {} };
  }
  const detail = `all ${counted(batch.counted, 'operation')} decode, the header counts ${batch.count}: ${
    more
      ? 'another thread counted on, or its operations were written over'
      : 'operations were added that were not counted'
  }`;
  return { detail, evidence: oneBit ? { countsDifferInOneBit: true } : {} };
}

/** The parser stands inside somebody's operand: two writers' operations lie over each other. */
function lostStep(
  record: LogicalRecord,
  batch: WriteBatch,
  families: ReadonlySet<number>,
  dialect: WalFacts['dialect'],
): Telling {
  const { bytes } = record;
  const last = batch.ops.at(-1);
  const lostAt = batch.decodedLength;
  const place = offsetText(record.fileOffset(lostAt));
  // the operation before may have swallowed the beginning of what follows
  const realigned = realign(bytes, last === undefined ? lostAt : last.offset + 1, families, dialect);
  const evidence: Record<string, EvidenceValue> = {
    lostStepAt: record.fileOffset(lostAt),
    before: batch.ops.slice(-SHOWN).map(operationText),
  };
  if (realigned === undefined) {
    return {
      detail: `the parser loses step at ${place}, and nothing after it decodes to the end`,
      evidence,
    };
  }
  const { offset, operations, confidence } = realigned;
  const found = batch.counted + operations.filter((op) => op.counted).length;
  evidence.realignedAt = record.fileOffset(offset);
  evidence.realignedOperations = operations.length;
  evidence.confidence = confidence;
  evidence.after = operations
    .slice(0, SHOWN)
    .map(({ kind, columnFamily }) => operationText({ kind, columnFamily }));
  evidence.operationsOnBothSides = found;
  const swallowed = offset < lostAt;
  const between = swallowed
    ? `the operation before it swallows the beginning of what follows`
    : `${counted(offset - lostAt, 'byte')} between belong to no operation`;
  const remaining =
    found === batch.count
      ? `all ${found} of the header's count remain`
      : `${found} of the header's count of ${batch.count} remain`;
  const detail =
    `the parser loses step at ${place}; from ${offsetText(record.fileOffset(offset))} on ${counted(operations.length, 'operation')} ` +
    `decode to the end again (confidence ${confidence}) and ${between}: two writers' operations lie over each other ` +
    `(${remaining})`;
  return { detail, evidence, realigned };
}

function operationText({ kind, columnFamily }: Pick<BatchOp, 'kind' | 'columnFamily'>): string {
  return kind === 'log-data' ? kind : `${kind} in column family ${columnFamily}`;
}

/** Log data of the batch in its order, where all of it is short text: what a server notes of each command. */
export function logDataOf(batch: WriteBatch, bytes: Uint8Array, realigned: Realigned | undefined): string[] {
  const first = batch.ops.filter((op) => op.kind === 'log-data').map((op) => op.key);
  const rest = (realigned?.operations ?? [])
    .filter((op) => op.kind === 'log-data' && op.offset >= batch.decodedLength)
    .map((op) => bytes.subarray(op.offset + 2, op.offset + op.length));
  const all = [...first, ...rest].map((text) => Buffer.from(text).toString('latin1'));
  return all.every((text) => /^[\x20-\x7e]{1,16}$/.test(text)) ? all.slice(0, 64) : [];
}

/** The known defect of an application that the log data of a batch shows. */
export async function batchDefect(logData: readonly string[]): Promise<BatchDefect | undefined> {
  if (logData.length === 0) return undefined;
  for (const application of await allApplications()) {
    const defect = application.batchDefect?.(logData);
    if (defect !== undefined) return defect;
  }
  return undefined;
}
