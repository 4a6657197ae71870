import { after, type Connection, fits, isError, readsOnly } from './expectation.js';
import { type Replies, type Request, textOf } from './streams.js';
import type { RespProblem, RespValue } from './value.js';

/** An EXEC whose reply does not keep to its announced length. */
export interface BrokenExec {
  kind: 'surplus-error' | 'surplus-reply' | 'too-few-elements';
  /** The EXEC in the stream of requests. */
  request: Request;
  /** The array in the stream of replies. */
  reply: { offset: number; announced: number; elements: number };
  /** The reply that breaks the protocol: the surplus one, or the first that stands where an element should. */
  at: number;
  length: number;
  /** What the surplus error says. */
  error?: string;
  /** Writes that the array acknowledges; where it is followed by an error they were not made. */
  acknowledged: Request[];
  /** The request whose reply the client takes this for; from there on it is one off. */
  takenFor?: Request;
}

/** A reply that cannot be the answer to its request, for no reason that is known here. */
export interface Misfit {
  kind: 'unexpected-reply' | 'unsolicited-reply' | 'unanswered';
  offset: number;
  length: number;
  request?: Request;
}

/** A command that the client was told it has done. */
export interface Acknowledged {
  request: Request;
  reply: RespValue;
  /** The EXEC that it was done in. */
  exec?: Request;
  /** An error followed that EXEC's array: the command was not done, whatever its reply says. */
  refused?: true;
}

interface Pairing {
  paired: number;
  /** In their order, where they are asked for. Reads are left out. */
  acknowledged: Acknowledged[];
  broken: BrokenExec[];
  misfits: Misfit[];
  problems: RespProblem[];
}

/** Requests that are looked at to tell which way of reading a reply is right. */
const AHEAD = 12;
/** Elements of an array up to which fewer of them are tried. */
const MOST_TRIED = 256;

interface Reading {
  /** Elements that belong to the array. */
  elements: number;
  /** A reply after it without a request. */
  surplus?: RespValue;
  /** Where the next reply begins. */
  next: number;
}

/** Commands of the connection itself. */
const controls = new Set([
  ...[
    'MULTI',
    'EXEC',
    'DISCARD',
    'WATCH',
    'UNWATCH',
    'RESET',
    'QUIT',
    'HELLO',
    'CLIENT',
    'CONFIG',
    'INFO',
    'SELECT',
  ],
  ...['COMMAND', 'PUBLISH', 'WAIT', 'SCRIPT', 'NAMESPACE'],
]);

const commitFailure = /incomplete|stall|Corruption|IO error|Not supported|read-only|transaction/i;

/** Walks both streams of one connection side by side; with `keep`, acknowledged commands are kept. */
export function pair(requests: readonly Request[], replies: Replies, keep = false): Pairing {
  const pairing: Pairing = { paired: 0, acknowledged: [], broken: [], misfits: [], problems: [] };
  let connection: Connection = {};
  let at = 0;
  let index = 0;
  for (; index < requests.length; index++) {
    const request = requests[index];
    const found = replies.at(at);
    if (found === undefined) break;
    if ('kind' in found) {
      const cut = shortArray(requests, index, replies, found, connection);
      if (cut !== undefined) pairing.broken.push(cut);
      else pairing.problems.push(found);
      at = cut !== undefined ? cut.at : replies.resync(found.offset + 1);
      connection = {};
      continue;
    }
    const queued = connection.queued;
    if (request.name === 'EXEC' && queued !== undefined && found.items !== undefined) {
      const reading = read(requests, index, replies, found);
      const broken = breach(request, queued, found, reading, requests[index + 1]);
      if (broken !== undefined) pairing.broken.push(broken);
      if (keep) pairing.acknowledged.push(...made(request, queued, found, reading));
      at = reading.next;
    } else {
      if (keep && isMade(request, found, connection)) pairing.acknowledged.push({ request, reply: found });
      if (!fits(request, found, connection))
        pairing.misfits.push({
          kind: 'unexpected-reply',
          offset: found.offset,
          length: found.end - found.offset,
          request,
        });
      at = found.end;
    }
    pairing.paired++;
    connection = after(request, found, connection);
  }
  if (index < requests.length)
    pairing.misfits.push({ kind: 'unanswered', offset: at, length: 0, request: requests[index] });
  leftOver(replies, at, pairing);
  return pairing;
}

/** Outside of a transaction, with a reply that is no error. */
function isMade(request: Request, reply: RespValue, connection: Connection): boolean {
  if (connection.queued !== undefined || isError(reply) || readsOnly.has(request.name)) return false;
  return request.words.length > 0 && !controls.has(request.name) && fits(request, reply, connection);
}

/** What EXEC's array acknowledges. */
function made(
  exec: Request,
  queued: readonly Request[],
  { items = [] }: RespValue,
  { elements, surplus }: Reading,
): Acknowledged[] {
  const refused = surplus !== undefined && isError(surplus);
  return queued.flatMap((request, i) =>
    i < elements && items[i] !== undefined && !isError(items[i]) && !readsOnly.has(request.name)
      ? [{ request, reply: items[i], exec, ...(refused && { refused: true as const }) }]
      : [],
  );
}

function leftOver(replies: Replies, from: number, pairing: Pairing): void {
  for (let at = from; ; ) {
    const reply = replies.at(at);
    if (reply === undefined) return;
    if ('kind' in reply) {
      pairing.problems.push(reply);
      at = replies.resync(reply.offset + 1);
    } else {
      pairing.misfits.push({
        kind: 'unsolicited-reply',
        offset: reply.offset,
        length: reply.end - reply.offset,
      });
      at = reply.end;
    }
  }
}

/** The way of reading an EXEC's array after which the following requests and replies go together best. */
function read(requests: readonly Request[], index: number, replies: Replies, array: RespValue): Reading {
  const items = array.items ?? [];
  const whole: Reading = { elements: items.length, next: array.end };
  const ways: Reading[] = [whole];
  const following = replies.at(array.end);
  if (following !== undefined && !('kind' in following))
    ways.push({ elements: items.length, surplus: following, next: following.end });
  if (items.length <= MOST_TRIED)
    for (let kept = items.length - 1; kept >= 0; kept--)
      ways.push({ elements: kept, next: items[kept].offset });
  let best = whole;
  let most = agreement(requests, index + 1, replies, whole.next);
  if (most === Number.POSITIVE_INFINITY) return whole;
  for (const way of ways.slice(1)) {
    const agreed = agreement(requests, index + 1, replies, way.next);
    // where both go equally far, the text of the error decides
    const better =
      agreed > most || (agreed === most && way.surplus !== undefined && isCommitFailure(way.surplus));
    if (better) [best, most] = [way, agreed];
  }
  return best;
}

function isCommitFailure(reply: RespValue): boolean {
  return isError(reply) && commitFailure.test(textOf(reply));
}

/**
 * How many of the following requests and replies go together before the first that do not. What lies after that is left
 * out of account: it may be another breach. `Infinity` when none is in sight.
 */
function agreement(requests: readonly Request[], from: number, replies: Replies, offset: number): number {
  let connection: Connection = {};
  let at = offset;
  const end = Math.min(requests.length, from + AHEAD);
  for (let index = from; index < end; index++) {
    const reply = replies.at(at);
    if (reply === undefined) return Number.POSITIVE_INFINITY;
    if ('kind' in reply || !fits(requests[index], reply, connection)) return index - from;
    connection = after(requests[index], reply, connection);
    at = reply.end;
  }
  const leftOver = end === requests.length && replies.at(at) !== undefined;
  return leftOver ? end - from : Number.POSITIVE_INFINITY;
}

function breach(
  request: Request,
  queued: readonly Request[],
  array: RespValue,
  { elements, surplus, next }: Reading,
  takenFor: Request | undefined,
): BrokenExec | undefined {
  const items = array.items ?? [];
  const acknowledged = queued.filter(
    ({ name }, i) => i < elements && !readsOnly.has(name) && items[i] !== undefined && !isError(items[i]),
  );
  const common = {
    request,
    reply: { offset: array.offset, announced: items.length, elements },
    acknowledged,
    ...(takenFor && { takenFor }),
  };
  if (surplus !== undefined) {
    const error = isError(surplus);
    return {
      kind: error ? 'surplus-error' : 'surplus-reply',
      ...common,
      at: surplus.offset,
      length: surplus.end - surplus.offset,
      ...(error && { error: textOf(surplus) }),
    };
  }
  if (elements === items.length && elements === queued.length) return undefined;
  const length = items[elements] === undefined ? array.end - array.offset : items[elements].end - next;
  const at = items[elements] === undefined ? array.offset : next;
  return { kind: elements < queued.length ? 'too-few-elements' : 'surplus-reply', ...common, at, length };
}

/** An EXEC's array whose missing elements the end of the capture shows: the replies after it go together without them. */
function shortArray(
  requests: readonly Request[],
  index: number,
  replies: Replies,
  problem: RespProblem,
  { queued }: Connection,
): BrokenExec | undefined {
  const request = requests[index];
  if (request.name !== 'EXEC' || queued === undefined || problem.kind !== 'truncated') return undefined;
  const head = replies.bytes.indexOf(0x0a, problem.offset) + 1;
  if (replies.bytes[problem.offset] !== 0x2a || head === 0) return undefined;
  let at = head;
  for (let elements = 0; elements < queued.length; elements++) {
    const element = replies.at(at);
    const next = requests[index + 1];
    if (element === undefined || 'kind' in element || next === undefined) return undefined;
    if (agreement(requests, index + 1, replies, at) === Number.POSITIVE_INFINITY)
      return {
        kind: 'too-few-elements',
        request,
        reply: { offset: problem.offset, announced: queued.length, elements },
        ...{ at, length: element.end - at, acknowledged: [], takenFor: next },
      };
    at = element.end;
  }
  return undefined;
}
