import path from 'node:path';
import type { ByteSource, SourceDescriptor } from '../bytes/source.js';
import { SNIFF_BYTES, sniffFile } from '../engine/file-type.js';
import type { Range } from '../finding/finding.js';
import { readPebbleBlobFooter } from '../format/blob/pebble-blob-file.js';
import { parseFileName } from '../format/filename.js';
import { parseRaftLogName } from '../format/raft-engine/file.js';
import { readHead, readTail } from '../io/head.js';
import { openSource } from '../io/source.js';
import { batchNode } from './batch.js';
import { blobNodes } from './blob.js';
import type { InspectKind } from './kinds.js';
import { manifestNodes } from './manifest.js';
import { type Detail, fileSpace, type Node, type Root } from './node.js';
import { pebbleBlobNodes } from './pebble-blob.js';
import { raftLogNodes } from './raft-log.js';
import { inspectTable } from './table.js';
import {
  backupNodes,
  backupProblems,
  currentNodes,
  optionsNodes,
  optionsProblems,
  textNodes,
} from './text-files.js';
import { walNodes } from './wal.js';

export type { InspectKind } from './kinds.js';

const titles: Record<InspectKind, string> = {
  wal: 'WAL',
  batch: 'WriteBatch',
  table: 'table',
  manifest: 'MANIFEST',
  blob: 'blob file',
  'raft-log': 'raft log',
  options: 'OPTIONS',
  backup: 'backup meta file',
  current: 'CURRENT',
  text: 'text',
};

/** Text files and batches are read whole; more of them is not looked at. */
const WHOLE_LIMIT = 64 << 20;

/** A file that stands open, as a tree. */
export interface Inspection {
  kind: InspectKind;
  /** Bytes. */
  size: number;
  root: Root;
  source: ByteSource;
  /** What the medium did not give back so far; it was taken as zeros. */
  unreadable(): readonly Range[];
  close(): Promise<void>;
}

const kindOfFile: Partial<Record<ReturnType<typeof parseFileName>['kind'], InspectKind>> = {
  wal: 'wal',
  table: 'table',
  blob: 'blob',
  manifest: 'manifest',
  'compaction-progress': 'manifest',
  options: 'options',
  current: 'current',
  identity: 'text',
};

/** What a file is by its name, else by its content; undefined where neither tells. */
export async function inspectKindOf(
  file: string | Buffer,
  source: SourceDescriptor = { kind: 'file', path: file },
): Promise<InspectKind | undefined> {
  const name = file.toString();
  if (/(?:^|[\\/])meta[\\/]\d+$/.test(name)) return 'backup';
  if (parseRaftLogName(path.basename(name)) !== undefined) return 'raft-log';
  const named = kindOfFile[parseFileName(path.basename(name)).kind];
  if (named !== undefined) return named;
  const head = await readHead(source, SNIFF_BYTES);
  const sniffed = sniffFile(head, await readTail(source, 8));
  if (sniffed !== undefined) return kindOfFile[sniffed.kind];
  if (/\.(?:sst|ldb)$/.test(name)) return 'table';
  if (name.endsWith('.blob')) return 'blob';
  const text = Buffer.from(head.subarray(0, 256)).toString('latin1');
  return /^(?:schema_version \S+\n)?\d{9,12}\n\d+\n/.test(text) ? 'backup' : undefined;
}

/** Opens a file for a look at its structure. Rejects with the system's error when it cannot be opened. */
export async function inspectFile(
  file: string | Buffer,
  kind: InspectKind,
  detail: Detail = {},
  descriptor: SourceDescriptor = { kind: 'file', path: file },
): Promise<Inspection> {
  const source = await openSource(descriptor);
  const name = path.basename(file.toString());
  try {
    return {
      ...(await inspectSource(source, name, kind, detail)),
      source,
      unreadable: () => source.unreadable ?? [],
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The same of bytes in memory. */
export async function inspectBytes(
  bytes: Uint8Array,
  kind: InspectKind,
  detail: Detail = {},
  name = 'bytes',
): Promise<Inspection> {
  const source = await openSource({ kind: 'memory', bytes });
  const inspection = await inspectSource(source, name, kind, detail);
  return { ...inspection, source, unreadable: () => [], close: () => source.close() };
}

async function blobChildren(source: ByteSource, detail: Detail): Promise<Root['children']> {
  const reading = await readPebbleBlobFooter(source);
  const isPebble = reading.footer !== undefined || detail.dialect === 'pebble';
  return () => (isPebble ? pebbleBlobNodes(source, reading, detail) : blobNodes(source, detail));
}

/** The same of a source, which stays the caller's. */
export async function inspectSource(
  source: ByteSource,
  name: string,
  kind: InspectKind,
  detail: Detail = {},
): Promise<Pick<Inspection, 'kind' | 'size' | 'root'>> {
  const { size } = source;
  const space = fileSpace(size);
  const root = (about: Partial<Node>, children: Root['children']): Root => ({
    name,
    at: { space, offset: 0, length: size },
    text: `${titles[kind]}, ${size} bytes`,
    ...about,
    children,
  });
  const whole = async (body: (bytes: Uint8Array) => [Partial<Node>, Root['children']]) => {
    const bytes = new Uint8Array(Math.min(size, WHOLE_LIMIT));
    return root(...body(bytes.subarray(0, await source.read(bytes, 0))));
  };
  switch (kind) {
    case 'wal': {
      const { number } = parseFileName(name);
      return { kind, size, root: root({}, () => walNodes({ source, number, detail })) };
    }
    case 'manifest':
      return { kind, size, root: root({}, () => manifestNodes(source, detail)) };
    case 'blob':
      return { kind, size, root: root({}, await blobChildren(source, detail)) };
    case 'raft-log':
      return { kind, size, root: root({}, () => raftLogNodes(source, name, detail)) };
    case 'table': {
      const { nodes, ...about } = await inspectTable(source, detail);
      return { kind, size, root: root(about, () => nodes) };
    }
    case 'options':
      return {
        kind,
        size,
        root: await whole((bytes) => [
          { problems: optionsProblems(bytes) },
          () => optionsNodes(bytes, space),
        ]),
      };
    case 'backup':
      return {
        kind,
        size,
        root: await whole((bytes) => [{ problems: backupProblems(bytes) }, () => backupNodes(bytes, space)]),
      };
    case 'current':
      return { kind, size, root: await whole((bytes) => [{}, () => currentNodes(bytes, space)]) };
    case 'text':
      return { kind, size, root: await whole((bytes) => [{}, () => textNodes(bytes, space)]) };
    case 'batch':
      return {
        kind,
        size,
        root: await whole((bytes) => {
          const {
            children,
            transparent: _,
            ...about
          } = batchNode(bytes, { space, offset: 0, length: bytes.length }, { ...detail, records: true });
          return [{ ...about, name, text: about.text }, children ?? (() => [])];
        }),
      };
  }
}
