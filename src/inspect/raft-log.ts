import type { ByteSource } from '../bytes/source.js';
import {
  decodeRaftLogHeader,
  parseRaftLogName,
  RAFT_LOG_HEADER,
  raftLogSignature,
} from '../format/raft-engine/file.js';
import type { PlacedItem } from '../format/raft-engine/items.js';
import { type RaftLogBatch, RaftLogReader, type StopReason } from '../format/raft-engine/reader.js';
import { searchBatches } from '../format/raft-engine/search.js';
import { type Detail, fileSpace, more, type Node, type Space, type Words } from './node.js';
import { RangeReader } from './read-at.js';

/** A file of raft-engine: header, batches, and what is left where reading ends. */
export async function* raftLogNodes(source: ByteSource, name: string, detail: Detail): AsyncGenerator<Node> {
  const space = fileSpace(source.size);
  const ranges = new RangeReader(source);
  const head = await ranges.bytes(0, RAFT_LOG_HEADER);
  const header = decodeRaftLogHeader(head);
  const headerLength = 'fault' in header ? head.length : header.length;
  yield {
    name: 'header',
    at: { space, offset: 0, length: headerLength },
    bytes: head.subarray(0, headerLength),
    ...('fault' in header
      ? { problems: [headerProblems[header.fault]] }
      : {
          text: `version ${header.version}${header.alignment > 0n ? `, alignment ${header.alignment}` : ''}`,
        }),
  };
  if ('fault' in header) return;
  const { number = 0n } = parseRaftLogName(name) ?? {};
  const reader = new RaftLogReader(source, header, number);
  let taken = 0;
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    if (detail.near !== undefined && batch.offset + batch.length <= detail.near) continue;
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      return;
    }
    yield await batchNode(reader, batch, { space, ranges, detail });
  }
  const { stop } = reader;
  if (stop === undefined) return;
  const length = source.size - stop.offset;
  const rest = await ranges.gap(space, stop.offset, length, 'after the last whole batch');
  const beyond = await searchBatches(source, stop.offset, raftLogSignature(header.version, number));
  const isOlder =
    beyond.older !== undefined && (stop.header === undefined || beyond.older.offset === stop.offset);
  // what a process leaves that is killed is no damage
  const isUnused = beyond.own === undefined && (beyond.zeros || isOlder);
  yield isUnused ? rest : { ...rest, problems: [stopTexts[stop.reason]] };
}

const headerProblems = {
  magic: 'these are not the first bytes of a raft log',
  version: 'the version is none that is known',
  cut: 'the file ends in its header',
  unfinished: 'the header was not written to its end',
} as const;

const stopTexts: Record<StopReason, string> = {
  compression: 'no batch: its compression type is none that is known',
  'items-past-end': 'no batch: its items begin after its end',
  'items-in-header': 'no batch: its items begin in its header',
  'header-cut': 'fewer bytes than the header of a batch has',
  'past-end': 'a batch that is longer than the file',
  'items-too-short': 'a batch without items',
  'items-checksum': 'a batch whose checksum does not match',
  'items-malformed': 'a batch whose items do not decode',
  alignment: 'an alignment that asks for more memory than there is',
  limit: 'a batch that is larger than what is looked at',
};

interface About {
  space: Space;
  ranges: RangeReader;
  detail: Detail;
}

async function batchNode(reader: RaftLogReader, batch: RaftLogBatch, about: About): Promise<Node> {
  const { space, ranges, detail } = about;
  const { offset, length, items, itemsAt, entries, compression } = batch;
  const children: Node[] = [
    {
      ...(await ranges.raw('batch header', space, offset, 16)),
      text: `${length} bytes, items at ${itemsAt - offset}`,
    },
  ];
  if (entries.length > 0) {
    const opened = await reader.entriesOf(batch);
    const packed = compression === 1 ? 'LZ4' : 'as they are';
    children.push({
      ...(await ranges.raw('entries', space, entries.offset, entries.length)),
      text: typeof opened === 'string' ? packed : `${packed}, ${opened.length} bytes`,
      ...(typeof opened === 'string' && { problems: [entriesProblems[opened]] }),
    });
  }
  const shown = detail.records || detail.near !== undefined ? items : [];
  for (const item of shown)
    children.push(itemNode(item, itemsAt, space, await ranges.bytes(itemsAt + item.at, item.size)));
  return {
    name: 'batch',
    at: { space, offset, length },
    text: joined(items.map(itemWords)),
    children: () => children,
  };
}

const entriesProblems = {
  'too-short': 'they are shorter than their checksum',
  checksum: 'their checksum does not match',
  lz4: 'they do not decompress',
  limit: 'they are larger than what is looked at',
} as const;

function itemNode(item: PlacedItem, itemsAt: number, space: Space, bytes: Uint8Array): Node {
  return {
    name: item.kind,
    at: { space, offset: itemsAt + item.at, length: item.size },
    text: itemWords(item),
    bytes,
  };
}

/** `region 4: entries 12 to 15`, `region 4: R = …`. */
function itemWords(item: PlacedItem): Words {
  const region = `region ${item.region}: `;
  switch (item.kind) {
    case 'entries': {
      const last = item.first + BigInt(item.ends.length) - 1n;
      if (item.ends.length === 0) return `${region}no entries`;
      return last === item.first ? `${region}entry ${last}` : `${region}entries ${item.first} to ${last}`;
    }
    case 'clean':
      return `${region}all of it is removed`;
    case 'compact':
      return `${region}entries below ${item.index} are removed`;
    case 'put':
      return [region, item.key.slice(), ' = ', item.value.slice()];
    case 'delete':
      return [region, item.key.slice(), ' is removed'];
  }
}

function joined(words: readonly Words[]): Words {
  return words.flatMap((each, i) => [
    ...(i === 0 ? [] : ['; ']),
    ...(typeof each === 'string' ? [each] : each),
  ]);
}
