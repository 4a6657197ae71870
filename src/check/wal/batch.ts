import type { ByteSource } from '../../bytes/source.js';
import { ruleOf } from '../../finding/catalog.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Anomaly, Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { decodeBatch } from '../../format/batch/decode.js';
import type { Assembly } from '../../format/log/assembly.js';
import type { WalContext } from '../unit.js';
import { hexAround } from './evidence.js';

/** Operations that the slow reader keeps: the last one before the trouble is of interest, a million are not. */
const KEPT_OPS = 10_000;

const severities = { note: 0, warning: 1, error: 2 };

/**
 * A finding about a record whose checksum holds and whose batch does not. It covers the logical record; where in it the
 * parser lost step is evidence.
 */
export async function batchFinding(
  source: ByteSource,
  { file, dialect }: Pick<WalContext, 'file' | 'dialect'>,
  record: Assembly,
  timestampSizes: ReadonlyMap<number, number>,
): Promise<Finding | undefined> {
  const bytes = record.bytes.subarray(record.start, record.end);
  const batch = decodeBatch(bytes, { timestampSizes, maxOps: KEPT_OPS, dialect });
  const { anomalies } = batch;
  if (anomalies.length === 0) return undefined;
  const main = anomalies.reduce((worst, each) => (severityOf(each) > severityOf(worst) ? each : worst));
  const at = record.fileOffset(main.offset);
  const last = batch.ops.at(-1);
  const evidence: Record<string, EvidenceValue> = {
    sequence: String(batch.sequence),
    count: batch.count,
    operationsFound: batch.counted,
    batchLength: bytes.length,
    ...main.evidence,
    anomalyOffset: at,
    batchOffset: main.offset,
    checksum: 'matches',
    ...(record.fragments > 1 && { fragments: record.fragments }),
    ...(record.compressed && { compressed: true }),
    ...(last !== undefined && { lastOperation: `${last.kind} in column family ${last.columnFamily}` }),
    ...(batch.engineError !== undefined && { everyModeSays: batch.engineError.message }),
  };
  const others = anomalies.filter((each) => each !== main).slice(0, 8);
  if (others.length > 0) evidence.also = others.map((each) => each.message);
  evidence.bytes = await hexAround(source, at, record.compressed ? 7 : Math.min(main.length, 16));
  return findingAt({ file }, main.rule, {
    offset: record.offset,
    length: record.endOffset - record.offset,
    message: main.message,
    evidence,
  });
}

function severityOf(anomaly: Anomaly): number {
  return severities[ruleOf(anomaly.rule).severity];
}
