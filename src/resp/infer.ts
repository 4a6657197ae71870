import { type Replies, type Request, textOf } from './streams.js';
import type { RespProblem, RespValue } from './value.js';

/**
 * What requests there must have been for replies that were captured alone: transactions show themselves by +QUEUED. An error
 * behind the array of a transaction is left without a request when it says that a commit failed, or when a transaction
 * begins right behind it or nothing follows: the command that it would belong to is not known, but nothing else explains it.
 */
export function inferRequests(replies: Replies): Request[] {
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
