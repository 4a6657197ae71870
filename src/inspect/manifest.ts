import type { ByteSource } from '../bytes/source.js';
import type { Anomaly } from '../finding/finding.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';
import { MAX_EDIT_RECORD } from '../format/log/assembly.js';
import { LogEvent } from '../format/log/parser.js';
import { LEGACY_HEADER } from '../format/log/types.js';
import {
  ManifestEvents,
  type ManifestRecord,
  type ManifestTail,
  type ManifestVisitor,
  manifestParser,
} from '../format/manifest/log.js';
import { type ManifestReplay, replayManifest } from '../format/manifest/replay.js';
import { editSummary, newFileWords } from './edit-text.js';
import { type Detail, fileSpace, more, type Node, type NodePlace, recordSpace, type Space } from './node.js';
import { RangeReader } from './read-at.js';
import { editFields } from './version-edit.js';
import { headerFields } from './wal-records.js';

/** Every engine frames its MANIFEST alike. */
const framing = dialectNamed().manifest.log;

/** Why a record is not taken apart. */
const OVERSIZED = `records of more than ${MAX_EDIT_RECORD >> 20} MiB are not put together`;

/** What the framing of a MANIFEST comes upon, in file order. */
type FramingEvent =
  | { kind: 'record'; record: ManifestRecord; offset: number; end: number }
  | { kind: 'damage'; damage: Anomaly; offset: number; end: number }
  | { kind: 'oversized'; offset: number; end: number };

async function* framingEvents(
  source: ByteSource,
  dialect: DialectName | undefined,
): AsyncGenerator<FramingEvent, ManifestTail> {
  let found: FramingEvent[] = [];
  const visitor: ManifestVisitor = {
    record: (record) => found.push({ kind: 'record', record, offset: record.offset, end: record.end }),
    damage: (damage) =>
      found.push({ kind: 'damage', damage, offset: damage.offset, end: damage.offset + damage.length }),
    oversized: ({ offset, length }) => found.push({ kind: 'oversized', offset, end: offset + length }),
  };
  const events = new ManifestEvents(visitor, source.size);
  const parser = manifestParser(source, dialect);
  for (let event = await parser.next(); event !== LogEvent.end; event = await parser.next()) {
    if (event === LogEvent.record) events.record(parser.record);
    if (event === LogEvent.damage) events.damage(parser.damage!);
    yield* found;
    found = [];
  }
  const tail = events.end(parser.tail!);
  yield* found;
  return tail;
}

/**
 * A MANIFEST (or a COMPACTION_PROGRESS file): its records, gaps and damage between them, and at last the state that they
 * lead to. With `detail.near` nothing but what stands in the file.
 */
export async function* manifestNodes(source: ByteSource, detail: Detail): AsyncGenerator<Node> {
  const ranges = new RangeReader(source);
  const space = fileSpace(source.size);
  const events = framingEvents(source, detail.dialect);
  let position = 0;
  let taken = 0;
  let next = await events.next();
  for (; !next.done; next = await events.next()) {
    const event = next.value;
    const { offset, end } = event;
    if (detail.near !== undefined && end <= detail.near) {
      position = end;
      continue;
    }
    if (taken++ === detail.limit) {
      yield more(detail.limit);
      break;
    }
    if (offset > position) yield await ranges.gap(space, position, offset - position, 'end of the block');
    if (event.kind === 'damage') yield await damagedNode(ranges, space, event.damage);
    else if (event.kind === 'record') yield await recordNode(ranges, space, event.record, detail);
    else yield { name: 'record', at: { space, offset, length: end - offset }, unsupported: OVERSIZED };
    position = Math.max(position, end);
  }
  if (next.done) {
    const tail = next.value;
    const { offset, length, state, detail: words } = tail;
    if (offset > position && offset <= source.size)
      yield await ranges.gap(space, position, offset - position, 'end of the block');
    if (state !== 'clean') {
      const raw = await ranges.raw(state === 'zero-fill' ? 'gap' : 'tail', space, offset, length);
      const about = state === 'zero-fill' ? { gap: true as const, text: words } : { problems: [words] };
      yield { ...raw, ...about };
    }
  }
  if (detail.near === undefined) yield versionNode(await replayManifest(source, { dialect: detail.dialect }));
}

async function damagedNode(ranges: RangeReader, space: Space, damage: Anomaly): Promise<Node> {
  const { offset, length, message } = damage;
  const size = Math.min(LEGACY_HEADER, length);
  const header = headerFields(await ranges.bytes(offset, size), framing, space, offset, false);
  const raw = length > size ? [await ranges.raw('bytes', space, offset + size, length - size)] : [];
  return {
    name: 'damaged record',
    at: { space, offset, length },
    problems: [message],
    children: () => [...header, ...raw],
  };
}

async function recordNode(
  ranges: RangeReader,
  space: Space,
  record: ManifestRecord,
  detail: Detail,
): Promise<Node> {
  const { offset, end, fragments, payload } = record;
  const origin = { offset, length: end - offset };
  const headers: Node[] = [];
  for (const { fileOffset, length } of fragments) {
    const at = fileOffset - LEGACY_HEADER;
    const fields = headerFields(await ranges.bytes(at, LEGACY_HEADER), framing, space, at);
    if (fragments.length === 1) headers.push(...fields);
    else {
      const raw = await ranges.raw('payload', space, fileOffset, length);
      const place = { space, offset: at, length: LEGACY_HEADER + length };
      headers.push({
        name: 'fragment',
        at: place,
        text: `${length} bytes`,
        children: () => [...fields, raw],
      });
    }
  }
  const place: NodePlace =
    fragments.length === 1
      ? { space, offset: fragments[0].fileOffset, length: payload.length }
      : { space: recordSpace(origin, fragments), offset: 0, length: payload.length };
  const { text, problems } = editSummary(payload, detail.dialect);
  const edit: Node = detail.records
    ? {
        name: 'edit',
        at: place,
        transparent: true,
        children: () => editFields(payload, place, detail.dialect),
      }
    : { name: 'edit', at: place, bytes: payload };
  return { name: 'record', at: { space, ...origin }, text, problems, children: () => [...headers, edit] };
}

/** Where the edits lead: what `ldb manifest_dump` ends in. */
function versionNode({ version, complete, error, beyond, dialect }: ManifestReplay): Node {
  if (beyond !== undefined) return { name: 'version', unsupported: beyond };
  const value = (name: string, of: bigint | number | string | undefined): Node[] =>
    of === undefined ? [] : [{ name, value: of }];
  return {
    name: 'version',
    text: complete ? 'what the edits lead to' : 'what the edits lead to, as far as they are whole',
    problems: error === undefined ? [] : [`${dialectNamed(dialect).names.engine} says "${error}"`],
    *children() {
      yield* value('database id', version.databaseId);
      yield* value('next file number', version.nextFileNumber);
      yield* value('last sequence', version.lastSequence);
      yield* value('previous log number', version.previousLogNumber);
      yield* value('max column family', version.maxColumnFamily);
      yield* value('min log number to keep', version.minLogNumberToKeep);
      for (const [number, size] of version.trackedWals)
        yield {
          name: 'tracked WAL',
          value: number,
          ...(size !== undefined && { text: `${size} bytes synced` }),
        };
      for (const family of version.columnFamilies.values()) {
        yield {
          name: 'column family',
          index: family.id,
          text: `${family.name}, ${family.tables.size} tables`,
          *children() {
            yield* value('comparator', family.comparator);
            yield* value('log number', family.logNumber);
            for (const table of [...family.tables.values()].sort((a, b) => a.level - b.level)) {
              const sequences = `, sequences ${table.smallestSequence}–${table.largestSequence}`;
              yield { name: 'table', text: [...newFileWords(table), sequences] };
            }
            for (const blob of family.blobFiles.values()) {
              const { number, totalCount, totalBytes, garbageCount, garbageBytes } = blob;
              const garbage = `, garbage ${garbageCount} blobs, ${garbageBytes} bytes`;
              yield {
                name: 'blob file',
                text: `${number}, ${totalCount} blobs, ${totalBytes} bytes${garbage}`,
              };
            }
          },
        };
      }
      for (const [id, name] of version.droppedColumnFamilies)
        yield { name: 'dropped column family', index: id, text: name };
    },
  };
}
