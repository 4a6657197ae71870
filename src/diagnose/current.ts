import { byNumber } from '../check/directory/live-files.js';
import type { Database } from '../engine/database.js';
import type { Cause } from '../finding/finding.js';
import { CURRENT_LIMIT } from '../format/current.js';
import { readHead } from '../io/head.js';
import { flipText } from './flips.js';
import { differingBits } from './footer.js';

/** What CURRENT must hold, as the rest of the directory tells. */
interface CurrentThatFollows {
  content: Uint8Array;
  cause: Cause;
}

const NAME = /^MANIFEST-\d+$/;

/**
 * The content of a CURRENT that is missing or damaged, where it follows from the rest: the name is there and only the
 * newline is not, or there is one MANIFEST alone, it is whole, and every table that it names is there. Rejects only when
 * the medium fails.
 */
export async function currentThatFollows(database: Database): Promise<CurrentThatFollows | undefined> {
  const { current } = database;
  if (database.unread.length > 0 || database.unreadable.length > 0) return undefined;
  const raw = current === undefined ? undefined : await readHead(current.entry.source, CURRENT_LIMIT);
  if (raw !== undefined && current?.decoded.anomalies.length === 0) return undefined;
  return (
    (raw && (withoutNewline(database, raw) ?? withCarriageReturn(database, raw))) ??
    onlyManifest(database, raw)
  );
}

const lineOf = (name: string) => new TextEncoder().encode(`${name}\n`);

function withoutNewline(database: Database, raw: Uint8Array): CurrentThatFollows | undefined {
  const name = Buffer.from(raw).toString('latin1');
  const { manifest } = database;
  if (!NAME.test(name)) return undefined;
  // Pebble takes a CURRENT without newline for none, so that the MANIFEST is not the one that counts yet
  const isThere = database.dialect === 'pebble' && manifests(database).some((entry) => entry.name === name);
  if (!isThere && (manifest?.named !== true || manifest.entry.name !== name)) return undefined;
  // the name itself may be cut
  if (manifests(database).some((other) => other.name !== name && other.name.startsWith(name)))
    return undefined;
  return {
    content: lineOf(name),
    cause: {
      kind: 'truncated',
      certainty: 'proven',
      detail: `the newline at the end is missing; ${name}, which it names, is there`,
      basis: 'CURRENT holds a name and a newline and nothing else',
    },
  };
}

/** The name and CR LF: a checkout or a transfer took CURRENT for text. */
function withCarriageReturn(database: Database, raw: Uint8Array): CurrentThatFollows | undefined {
  const [, name] = /^(MANIFEST-\d+)\r\n$/.exec(Buffer.from(raw).toString('latin1')) ?? [];
  if (name === undefined || !manifests(database).some((entry) => entry.name === name)) return undefined;
  return {
    content: lineOf(name),
    cause: {
      kind: 'line-endings',
      certainty: 'proven',
      detail: `the line ends in CR LF: the file was taken for text; ${name}, which it names, is there`,
      basis: 'CURRENT holds a name and a newline and nothing else',
    },
  };
}

function onlyManifest(database: Database, raw: Uint8Array | undefined): CurrentThatFollows | undefined {
  const [entry, ...others] = manifests(database);
  const { manifest } = database;
  if (entry === undefined || others.length > 0 || manifest?.entry !== entry) return undefined;
  const { replay } = manifest;
  if (!replay.complete || replay.anomalies.length > 0 || replay.tail.state !== 'clean') return undefined;
  if (!hasLiveFiles(database)) return undefined;
  const content = lineOf(entry.name);
  const basis = `${entry.name} is the only MANIFEST, it is whole, and every file that it names is there`;
  if (raw === undefined) {
    const detail =
      'the file is gone: removed, left out of a copy, or lost with a directory entry that was never synced';
    return { content, cause: { kind: 'missing', certainty: 'proven', detail, basis } };
  }
  const changes = raw.length === content.length ? differingBits(raw, content, 0) : [];
  if (changes.length === 1) {
    const detail = flipText({ ...changes[0], field: 'content' });
    return { content, cause: { kind: 'bit-flip', certainty: 'proven', detail, basis, changes } };
  }
  const isCut = raw.length < content.length && raw.every((byte, i) => byte === content[i]);
  const kind = isCut ? 'truncated' : raw.every((byte) => byte === 0) ? 'zeroed' : 'garbage';
  const detail = isCut
    ? `the file ends after ${raw.length} of ${content.length} bytes`
    : `the content was ${kind === 'zeroed' ? 'lost to zeros' : 'written over'}; it can only have been ${entry.name}`;
  return { content, cause: { kind, certainty: 'proven', detail, basis } };
}

function manifests({ inventory }: Database) {
  return inventory.entries.filter((entry) => entry.kind === 'manifest' && entry.place === 'database');
}

function hasLiveFiles({ version, inventory }: Database): boolean {
  const tables = byNumber(inventory, 'table');
  const blobs = byNumber(inventory, 'blob');
  return [...(version?.columnFamilies.values() ?? [])].every(
    (family) =>
      [...family.tables.values()].every(
        ({ number, size }) => BigInt(tables.get(number)?.size ?? -1) === size,
      ) && [...family.blobFiles.keys()].every((number) => blobs.has(number)),
  );
}
