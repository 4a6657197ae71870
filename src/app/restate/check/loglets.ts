import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import { decodeKey } from '../decode.js';
import type { RestateLayout } from '../instance.js';
import { decodeRecordKey, logletText } from '../log-keys.js';
import { decodeLogRecord, decodeNodeId, decodeOffset } from '../log-values.js';
import { type Operands, walkFamily } from './walk.js';

/** Loglets whose trim points are remembered: 16 bytes each. A node has a few for each partition. */
const MOST_LOGLETS = 1_000_000;

/** Walks the records of a log server or a local loglet once, holding the trim points of all loglets and one loglet's tail. */
export async function checkLoglets(
  view: View,
  layout: RestateLayout,
  families: { data: number; metadata: number },
  reported: Reported,
): Promise<void> {
  const trimPoints = await readFacts(view, layout, families.metadata, reported);
  let current: Loglet | undefined;
  await walkFamily(view, families.data, (bytes, value) => {
    const key = decodeRecordKey(bytes);
    if (key?.kind !== 'record') {
      reported.report('restate/unknown-key', {
        message: 'a key of the log is no record’s',
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    const { loglet, offset } = key;
    if (current?.id !== loglet) {
      if (current !== undefined) judge(current, reported);
      current = {
        id: loglet,
        first: offset,
        last: offset,
        trimmed: 0,
        trimPoint: trimPoints.get(loglet) ?? 0n,
      };
    } else if (offset > current.last + 1n) reportGap(layout, current, offset, reported);
    current.last = offset;
    if (offset <= current.trimPoint) current.trimmed++;
    if (layout.instance === 'log-server' && decodeLogRecord(value) === undefined)
      reported.report('restate/undecodable-value', {
        message: `loglet ${logletText(loglet)}: record ${offset} does not decode`,
        evidence: { loglet: logletText(loglet), offset: String(offset) },
      });
  });
  if (current !== undefined) judge(current, reported);
}

interface Loglet {
  id: bigint;
  first: bigint;
  last: bigint;
  trimPoint: bigint;
  /** Records at or below the trim point. */
  trimmed: number;
}

/** Trim points by loglet; decodes the rest. */
async function readFacts(
  view: View,
  layout: RestateLayout,
  family: number,
  reported: Reported,
): Promise<Map<bigint, bigint>> {
  const trimPoints = new Map<bigint, bigint>();
  await walkFamily(view, family, (bytes, value, operands) => {
    const key = decodeKey(layout, family, bytes);
    if (key === undefined) {
      reported.report('restate/unknown-key', {
        message: 'a key beside the log is none that Restate writes',
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    if (key.kind === 'trim-point') {
      const point = furthest(operands ?? [value]);
      if (point === undefined) undecodable(logletText(key.loglet), 'trim point', reported);
      else if (trimPoints.size < MOST_LOGLETS) trimPoints.set(key.loglet, point);
    } else if (key.kind === 'sequencer' && decodeNodeId(value) === undefined)
      undecodable(logletText(key.loglet), 'sequencer', reported);
  });
  return trimPoints;
}

/** Restate's own merge: a trim point only moves forward. */
function furthest(values: Operands): bigint | undefined {
  let point = 0n;
  for (const value of values) {
    const offset = decodeOffset(value);
    if (offset === undefined) return undefined;
    if (offset > point) point = offset;
  }
  return point;
}

function undecodable(loglet: string, what: string, reported: Reported): void {
  reported.report('restate/undecodable-value', {
    message: `loglet ${loglet}: the ${what} does not decode`,
    evidence: { loglet },
  });
}

/** A log server may lack records that others hold; a local loglet has all of them. */
function reportGap(
  { instance }: RestateLayout,
  { id, last }: Loglet,
  next: bigint,
  reported: Reported,
): void {
  const [from, to] = [last + 1n, next - 1n];
  const what = from === to ? `record ${from} is` : `records ${from} to ${to} are`;
  reported.report('restate/log-gap', {
    ...(instance === 'log-server' && { severity: 'note' as const }),
    message: `loglet ${logletText(id)}: ${what} not there, ${last} and ${next} are`,
    evidence: { loglet: logletText(id), missingFrom: String(from), missingTo: String(to) },
  });
}

function judge({ id, first, last, trimPoint, trimmed }: Loglet, reported: Reported): void {
  if (trimmed === 0) return;
  const loglet = logletText(id);
  const evidence = {
    loglet,
    trimPoint: String(trimPoint),
    first: String(first),
    last: String(last),
    records: trimmed,
  };
  if (last <= trimPoint)
    reported.report('restate/trim-beyond-tail', {
      message: `loglet ${loglet} is trimmed up to ${trimPoint}, and its records ${first} to ${last} are there`,
      evidence,
    });
  else
    reported.report('restate/trimmed-record', {
      message: `loglet ${loglet} is trimmed up to ${trimPoint}, and its records begin with ${first}`,
      evidence,
    });
}
