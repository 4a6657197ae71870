import { unpaired } from './expectation.js';
import { inferRequests } from './infer.js';
import { type Acknowledged, type BrokenExec, type Misfit, pair } from './pair.js';
import { Replies, requestsIn } from './streams.js';
import type { RespProblem } from './value.js';

/** What a captured connection comes to. Offsets are bytes in the stream that is named. */
export interface CaptureCheck {
  requests: { bytes: number; count: number; problems: RespProblem[] } | undefined;
  replies: { bytes: number; problems: RespProblem[] };
  /** Requests and replies that were put together. */
  paired: number;
  /** No requests were given: what they were was taken from the replies. */
  inferred: boolean;
  broken: BrokenExec[];
  misfits: Misfit[];
  /** Commands that the client was told it has done, reads left out, where `keep` asks for them. Of inferred requests: none. */
  acknowledged: Acknowledged[];
  /** A command behind which replies no longer go one to a request (SUBSCRIBE, MONITOR): pairing ends there. */
  unpairedFrom?: { name: string; offset: number };
}

/**
 * Checks the replies of one connection, from its beginning or from a point at which nothing was awaited, against its requests
 * where they were captured too.
 */
export function checkCapture(replyBytes: Uint8Array, requestBytes?: Uint8Array, keep = false): CaptureCheck {
  const replies = new Replies(replyBytes);
  const parsed = requestBytes && requestsIn(requestBytes);
  const requests = parsed?.requests ?? inferRequests(replies);
  const stop = requests.findIndex(({ name }) => unpaired.has(name) && name !== 'CLIENT');
  const result = pair(stop < 0 ? requests : requests.slice(0, stop), replies, keep);
  const misfits =
    stop < 0 ? result.misfits : result.misfits.filter(({ kind }) => kind !== 'unsolicited-reply');
  return {
    requests: parsed && { bytes: requestBytes.length, count: requests.length, problems: parsed.problems },
    replies: { bytes: replyBytes.length, problems: result.problems },
    paired: result.paired,
    inferred: parsed === undefined,
    broken: result.broken,
    misfits,
    acknowledged: result.acknowledged,
    ...(stop >= 0 && { unpairedFrom: { name: requests[stop].name, offset: requests[stop].offset } }),
  };
}

/** Whether anything is wrong. A capture that ends before the last replies, or inside one, is not. */
export function isBroken({ broken, misfits, requests, replies }: CaptureCheck): boolean {
  const damage = [...(requests?.problems ?? []), ...replies.problems].some(
    ({ kind }) => kind !== 'truncated',
  );
  return damage || broken.length > 0 || misfits.some(({ kind }) => kind !== 'unanswered');
}
