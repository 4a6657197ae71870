import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import { decodeKey } from '../decode.js';
import type { RestateLayout } from '../instance.js';
import { type LogKey, logletText } from '../log-keys.js';
import { decodeLogState, mergedLogState } from '../log-state.js';
import { decodeMarker, decodeNode, decodeNodeId, decodeOffset } from '../log-values.js';
import { valuesOf, type WalkedEntry, walkFamily } from './walk.js';

/** Loglets of which more than their records is remembered, about 200 bytes each. A node has a few for each partition. */
const MOST_LOGLETS = 100_000;

/** What is known of one loglet beside its records. */
export interface LogletFacts {
  trimPoint: bigint;
  /** The sequence at which its sequencer was stored, in one batch with its first record. 0 where compaction took it away. */
  sequencerAt?: bigint;
  /** Records below it are committed, here or on other servers. */
  globalTail?: bigint;
  /** The last record of a local loglet, in one batch with it. */
  released?: bigint;
  /** A value that does not decode: what it would say is not known. */
  undecodable: boolean;
}

/** What a log says beside its records. */
export interface LogFacts {
  loglets: Map<bigint, LogletFacts>;
  /** The log server’s marker is there. */
  marked: boolean;
  /**
   * No other node’s sequencer has ever written here, as it is where one node is all there is. A node that leads everything
   * in a larger cluster looks the same.
   */
  alone: boolean;
}

export function noFacts(): LogletFacts {
  return { trimPoint: 0n, undecodable: false };
}

/** Reads the column family beside the records, and reports keys that Restate does not write. */
export async function readLogFacts(
  view: View,
  layout: RestateLayout,
  family: number,
  reported: Reported,
): Promise<LogFacts> {
  const loglets = new Map<bigint, LogletFacts>();
  const sequencers = new Set<number>();
  let marker: { id?: number } | undefined;
  await walkFamily(view, family, (bytes, value, seen) => {
    const key = decodeKey(layout, family, bytes);
    if (key === undefined) {
      reported.report('restate/unknown-key', {
        message: 'a key beside the log is none that Restate writes',
        evidence: { key: keyBytes(bytes.slice()) },
      });
    } else if (key.kind === 'marker') {
      const id = decodeMarker(value);
      marker = id === undefined ? {} : { id };
    } else if ('loglet' in key) {
      const facts = loglets.get(key.loglet) ?? noFacts();
      if (loglets.size < MOST_LOGLETS) loglets.set(key.loglet, facts);
      const wrong = take(facts, key, value, seen);
      if (key.kind === 'sequencer') sequencers.add(decodeNode(value) ?? 0);
      if (wrong === undefined) return;
      facts.undecodable = true;
      reported.report('restate/undecodable-value', {
        message: `loglet ${logletText(key.loglet)}: the ${wrong} does not decode`,
        evidence: { loglet: logletText(key.loglet) },
      });
    }
  });
  const [only, ...others] = sequencers;
  const alone = others.length === 0 && only !== undefined && only === marker?.id;
  return { loglets, marked: marker !== undefined, alone };
}

/** Takes one value; returns what does not decode. */
function take(
  facts: LogletFacts,
  { kind }: LogKey,
  value: Uint8Array,
  seen: WalkedEntry,
): string | undefined {
  switch (kind) {
    case 'trim-point': {
      const point = furthest(valuesOf(value, seen));
      if (point === undefined) return 'trim point';
      facts.trimPoint = point;
      return undefined;
    }
    case 'known-global-tail': {
      const tail = furthest(valuesOf(value, seen));
      if (tail === undefined) return 'last known global tail';
      facts.globalTail = tail;
      return undefined;
    }
    case 'sequencer':
      facts.sequencerAt = seen.sequence;
      return decodeNodeId(value) === undefined ? 'sequencer' : undefined;
    case 'loglet-state': {
      const state = mergedLogState(valuesOf(value, seen).map(decodeLogState));
      if (state === undefined) return 'state';
      facts.trimPoint = state.trimPoint;
      facts.released = state.released;
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Restate's own merge: a trim point only moves forward. */
function furthest(values: readonly Uint8Array[]): bigint | undefined {
  let point = 0n;
  for (const value of values) {
    const offset = decodeOffset(value);
    if (offset === undefined) return undefined;
    if (offset > point) point = offset;
  }
  return point;
}
