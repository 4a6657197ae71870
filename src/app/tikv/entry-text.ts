/**
 * What the entries of a region's raft log ask for (pingcap/kvproto raft_cmdpb.proto; eraftpb.proto):
 *
 *   Entry            type 0: data is a RaftCmdRequest, or empty where a leader has begun its term
 *                    type 1: ConfChange {4 context}      type 2: ConfChangeV2 {3 context}      context: a RaftCmdRequest
 *   RaftCmdRequest   1 header {1 region, 5 epoch {1 conf version, 2 version}, 6 term}   2 Request*   3 AdminRequest
 *   Request          1 type (3 put, 4 delete, 7 delete range, 9 ingest)   4 put, 5 delete, 8 delete range {1 column family}
 *   AdminRequest     1 type, and under a number of its own what that type needs
 */
import { counted } from '../../finding/quantity.js';
import { ProtoMessage } from '../../format/protobuf.js';
import { boundText } from './region-text.js';
import { decodeTikvEntry } from './states.js';

export interface EntryWords {
  term: bigint;
  index: bigint;
  /** `write`, `empty`, `batch split` and so on; `unknown` where the data is no command that is known. */
  command: string;
  /** One sentence without keys' values. */
  text: string;
}

/** How often the members of a region, and its bounds, have changed. */
interface Epoch {
  confVersion: bigint;
  version: bigint;
}

const CONTEXT_FIELD = [0, 4, 3] as const;

/** An entry in words; `undefined` where the bytes are none. */
export function entryWords(bytes: Uint8Array): EntryWords | undefined {
  const entry = decodeTikvEntry(bytes);
  if (entry === undefined) return undefined;
  const { type, term, index, data } = entry;
  const unknown = { term, index, command: 'unknown', text: counted(data.length, 'byte') };
  if (type === 0) {
    if (data.length === 0) return { term, index, command: 'empty', text: 'a leader begins its term' };
    return { ...unknown, ...requestWords(data) };
  }
  const change = ProtoMessage.read(data);
  const context = change?.bytes(CONTEXT_FIELD[type] ?? 0);
  if (context === undefined || context.length === 0)
    return { ...unknown, command: 'change peer', text: 'leaves a joint change of members' };
  return { ...unknown, command: 'change peer', ...requestWords(context) };
}

/** The epoch at which an entry was proposed; `undefined` where it is no command that has one. */
export function entryEpoch(bytes: Uint8Array): Epoch | undefined {
  const entry = decodeTikvEntry(bytes);
  if (entry === undefined || entry.data.length === 0) return undefined;
  const data =
    entry.type === 0 ? entry.data : ProtoMessage.read(entry.data)?.bytes(CONTEXT_FIELD[entry.type] ?? 0);
  const request = data && ProtoMessage.read(data);
  const header = request && ProtoMessage.read(request.bytes(1));
  const epoch = header && ProtoMessage.read(header.bytes(5));
  if (request === undefined || header === undefined || epoch === undefined) return undefined;
  const found = { confVersion: epoch.integer(1), version: epoch.integer(2) };
  return request.wrong || header.wrong || epoch.wrong ? undefined : found;
}

type Said = Pick<EntryWords, 'command' | 'text'>;

function requestWords(data: Uint8Array): Said | undefined {
  const request = ProtoMessage.read(data);
  if (request === undefined) return undefined;
  const admin = request.bytes(3);
  const said = admin.length > 0 ? adminWords(admin) : writeWords(request.every(2));
  return request.wrong ? undefined : said;
}

/** Types of requests that change something: what they are called, and the field that names the column family. */
const writes: Readonly<Record<number, readonly [one: string, many: string, field: number]>> = {
  3: ['put', 'puts', 4],
  4: ['deletion', 'deletions', 5],
  7: ['range deletion', 'range deletions', 8],
  9: ['ingested file', 'ingested files', 9],
};

function writeWords(requests: readonly Uint8Array[]): Said | undefined {
  const counts = new Map<number, number>();
  const families = new Map<string, number>();
  for (const bytes of requests) {
    const request = ProtoMessage.read(bytes);
    const type = request && Number(request.integer(1));
    if (request === undefined || type === undefined) return undefined;
    counts.set(type, (counts.get(type) ?? 0) + 1);
    const [, , field] = writes[type] ?? [];
    const body = field === undefined || field === 9 ? undefined : ProtoMessage.read(request.bytes(field));
    if (body === undefined) continue;
    const name = Buffer.from(body.bytes(1)).toString('latin1') || 'default';
    families.set(name, (families.get(name) ?? 0) + 1);
  }
  const parts = [...counts].map(([type, count]) => {
    const [one, many] = writes[type] ?? ['request that reads', 'requests that read'];
    return counted(count, one, many);
  });
  const places = [...families].map(([name, count]) => `${name} ${count}`).join(', ');
  const where = places === '' ? '' : ` (${places})`;
  return { command: 'write', text: parts.length === 0 ? 'nothing' : `${parts.join(', ')}${where}` };
}

/** Administrative commands by type: what they are called, their field, and what they say. */
const admins: Readonly<
  Record<number, readonly [name: string, field: number, text: (body: ProtoMessage) => string]>
> = {
  1: ['change peer', 2, changeText],
  2: ['split', 3, splitText],
  3: ['compact log', 4, (body) => `entries up to ${body.integer(1)} (term ${body.integer(2)}) may go`],
  4: ['transfer leader', 5, (body) => `to ${peerText(body.bytes(1))}`],
  5: ['compute hash', 0, () => 'of the region’s data'],
  6: ['verify hash', 6, (body) => `of the data at entry ${body.integer(1)}`],
  7: [
    'prepare merge',
    7,
    (body) => `into region ${regionId(body.bytes(2))}, entries from ${body.integer(1)} on are kept`,
  ],
  8: ['commit merge', 8, (body) => `of region ${regionId(body.bytes(1))} at its entry ${body.integer(2)}`],
  9: ['roll back merge', 9, (body) => `that was prepared at entry ${body.integer(1)}`],
  10: ['batch split', 10, (body) => body.every(1).map(partText).join('; ')],
  11: ['change peers', 11, (body) => body.every(1).map(partChangeText).join('; ') || 'leaves a joint change'],
  12: ['prepare flashback', 12, () => 'stops writes of the region'],
  13: ['finish flashback', 13, () => 'allows writes of the region again'],
  14: ['switch witness', 14, () => 'peers become witnesses, or stop being them'],
  15: ['update peers to collect', 15, () => 'peers that are gone'],
};

function adminWords(bytes: Uint8Array): Said | undefined {
  const request = ProtoMessage.read(bytes);
  const [name, field, text] = (request && admins[Number(request.integer(1))]) ?? [];
  if (request === undefined || name === undefined || text === undefined) return undefined;
  const body = ProtoMessage.read(request.bytes(field ?? 0));
  if (body === undefined) return undefined;
  const said = text(body);
  return body.wrong ? undefined : { command: name, text: said };
}

const changes = ['adds', 'removes', 'adds as learner'] as const;

function changeText(body: ProtoMessage): string {
  const change = changes[Number(body.integer(1))] ?? `change ${body.integer(1)}`;
  const [verb, ...as] = change.split(' as ');
  return `${verb} ${peerText(body.bytes(2))}${as.length > 0 ? ` as ${as[0]}` : ''}`;
}

function partChangeText(bytes: Uint8Array): string {
  const body = ProtoMessage.read(bytes);
  return body === undefined ? 'a change that does not decode' : changeText(body);
}

function splitText(body: ProtoMessage): string {
  return `at ${boundText(body.bytes(1))}, new region ${body.integer(2)}`;
}

function partText(bytes: Uint8Array): string {
  const body = ProtoMessage.read(bytes);
  return body === undefined ? 'a part that does not decode' : splitText(body);
}

function peerText(bytes: Uint8Array): string {
  const peer = ProtoMessage.read(bytes);
  return peer === undefined ? 'a peer' : `peer ${peer.integer(1)} on store ${peer.integer(2)}`;
}

function regionId(bytes: Uint8Array): bigint | string {
  return ProtoMessage.read(bytes)?.integer(1) ?? '?';
}
