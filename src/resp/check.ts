import { unpaired } from './expectation.js';
import { type Acknowledged, type BrokenExec, type Misfit, pair } from './pair.js';
import { Replies, type Request, requestsIn, textOf } from './streams.js';
import type { RespProblem, RespValue } from './value.js';

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
  /** A command after which replies no longer go one to a request (SUBSCRIBE, MONITOR): pairing ends there. */
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

/**
 * What requests there must have been for replies that were captured alone: transactions show themselves by +QUEUED. An error
 * after the array of a transaction is left without a request when it says that a commit failed, or when a transaction
 * begins right after it or nothing follows: the command that it would belong to is not known, but nothing else explains it.
 */
function inferRequests(replies: Replies): Request[] {
  const all = everyReply(replies);
  const requests: Request[] = [];
  const add = (name: string, at: number) => requests.push({ offset: at, end: at, words: [], name });
  for (let i = 0; i < all.length; i++) {
    let queued = 0;
    while (queuedAt(all[i + 1 + queued])) queued++;
    if (queued === 0) {
      add('?', all[i].offset);
      continue;
    }
    add('MULTI', all[i].offset);
    for (let n = 1; n <= queued; n++) add('?', all[i + n].offset);
    i += queued + 1;
    if (all[i] === undefined) break;
    add('EXEC', all[i].offset);
    const next = all[i + 1];
    if (next?.type === '-' && all[i].items !== undefined && commitFailed(next)) i++;
  }
  return requests;
}

const commitFailed = (reply: RespValue) =>
  /Result incomplete|write stall|Corruption|IO error/i.test(textOf(reply));

function queuedAt(reply: RespValue | undefined): boolean {
  return reply?.type === '+' && textOf(reply) === 'QUEUED';
}

function everyReply(replies: Replies): RespValue[] {
  const all: RespValue[] = [];
  for (let at = 0; ; ) {
    const reply: RespValue | RespProblem | undefined = replies.at(at);
    if (reply === undefined) return all;
    if ('kind' in reply) at = replies.resync(reply.offset + 1);
    else {
      all.push(reply);
      at = reply.end;
    }
  }
}
