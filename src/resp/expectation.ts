import type { Request } from './streams.js';
import { textOf } from './streams.js';
import type { RespValue } from './value.js';

/** What a connection is in the middle of, as far as it decides which replies are possible. */
export interface Connection {
  /** Commands queued since MULTI; `undefined` outside of a transaction. */
  queued?: Request[];
}

const errors = new Set(['-', '!']);
export const isError = ({ type }: RespValue) => errors.has(type);
const isStatus = (reply: RespValue, text: string) => reply.type === '+' && textOf(reply) === text;

/** Commands whose replies are not one for each request, or do not come at once. */
export const unpaired = new Set([
  ...['SUBSCRIBE', 'UNSUBSCRIBE', 'PSUBSCRIBE', 'PUNSUBSCRIBE', 'SSUBSCRIBE', 'SUNSUBSCRIBE'],
  ...['MONITOR', 'SYNC', 'PSYNC', 'CLIENT'],
]);

/** Commands that change nothing: what a failed EXEC replied to them is no loss. */
export const readsOnly = new Set([
  ...[
    'GET',
    'MGET',
    'STRLEN',
    'EXISTS',
    'TTL',
    'PTTL',
    'TYPE',
    'KEYS',
    'SCAN',
    'PING',
    'ECHO',
    'HGET',
    'HMGET',
  ],
  ...[
    'HGETALL',
    'HLEN',
    'HEXISTS',
    'LRANGE',
    'LLEN',
    'LINDEX',
    'SMEMBERS',
    'SCARD',
    'SISMEMBER',
    'ZRANGE',
    'ZCARD',
  ],
  ...['ZSCORE', 'ZRANK', 'ZRANGEBYSCORE', 'XRANGE', 'XLEN', 'XREAD', 'DBSIZE'],
]);

type Kind = 'ok' | 'integer' | 'string' | 'list';

const kindsOf: Record<string, readonly Kind[]> = {
  ...{
    SET: ['ok', 'string'],
    MSET: ['ok'],
    SETEX: ['ok'],
    PSETEX: ['ok'],
    FLUSHALL: ['ok'],
    FLUSHDB: ['ok'],
  },
  ...{
    SELECT: ['ok'],
    AUTH: ['ok'],
    WATCH: ['ok'],
    UNWATCH: ['ok'],
    HMSET: ['ok'],
    LSET: ['ok'],
    LTRIM: ['ok'],
  },
  ...{ GET: ['string'], GETSET: ['string'], GETDEL: ['string'], HGET: ['string'], LINDEX: ['string'] },
  ...{ LPOP: ['string', 'list'], RPOP: ['string', 'list'], ECHO: ['string'], TYPE: ['ok'] },
  ...{
    DEL: ['integer'],
    UNLINK: ['integer'],
    EXISTS: ['integer'],
    EXPIRE: ['integer'],
    PEXPIRE: ['integer'],
  },
  ...{ INCR: ['integer'], DECR: ['integer'], INCRBY: ['integer'], DECRBY: ['integer'], TTL: ['integer'] },
  ...{ HSET: ['integer'], HDEL: ['integer'], HLEN: ['integer'], HINCRBY: ['integer'], SADD: ['integer'] },
  ...{ SREM: ['integer'], SCARD: ['integer'], ZREM: ['integer'], ZCARD: ['integer'], LPUSH: ['integer'] },
  ...{ RPUSH: ['integer'], LLEN: ['integer'], LREM: ['integer'], PUBLISH: ['integer'], APPEND: ['integer'] },
  ...{ MGET: ['list'], HMGET: ['list'], LRANGE: ['list'], KEYS: ['list'], SCAN: ['list'] },
};

function isOf(kind: Kind, { type, nil }: RespValue): boolean {
  if (kind === 'ok') return type === '+';
  if (kind === 'integer') return type === ':';
  if (kind === 'string') return type === '$' || type === '_' || nil === true;
  return type === '*' || type === '~' || type === '%' || type === '_';
}

/** Whether a reply can be the answer to a command outside of MULTI. Commands that are not known take any. */
function answers({ name }: Request, reply: RespValue): boolean {
  if (isStatus(reply, 'QUEUED')) return false;
  if (isError(reply)) return !(name === 'MULTI' || name === 'PING');
  const kinds = kindsOf[name];
  if (name === 'MULTI') return isStatus(reply, 'OK');
  if (name === 'PING') return reply.type === '+' || reply.type === '$';
  return kinds === undefined || kinds.some((kind) => isOf(kind, reply));
}

/** Whether a reply can be the answer to a request at this point of a connection. */
export function fits(request: Request, reply: RespValue, { queued }: Connection): boolean {
  const { name } = request;
  if (unpaired.has(name)) return true;
  if (name === 'EXEC') {
    if (queued === undefined) return isError(reply);
    if (isError(reply) || reply.nil) return true;
    return reply.items?.length === queued.length && !reply.items.some((item) => isStatus(item, 'QUEUED'));
  }
  if (queued === undefined) return answers(request, reply);
  if (name === 'DISCARD') return isStatus(reply, 'OK');
  if (name === 'MULTI') return isError(reply);
  if (name === 'WATCH' || name === 'QUIT' || name === 'RESET') return reply.type === '+' || isError(reply);
  // an error here means that the command was refused, and EXEC is then refused as a whole
  return isStatus(reply, 'QUEUED') || isError(reply);
}

/** The connection after a request has been answered. */
export function after(request: Request, reply: RespValue, { queued }: Connection): Connection {
  const { name } = request;
  if (name === 'EXEC' || name === 'DISCARD' || name === 'RESET') return {};
  if (name === 'MULTI' && queued === undefined) return isError(reply) ? {} : { queued: [] };
  if (queued !== undefined && isStatus(reply, 'QUEUED')) return { queued: [...queued, request] };
  return queued === undefined ? {} : { queued };
}
