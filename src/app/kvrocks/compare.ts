import { append } from '../../bytes/append.js';
import type { BatchOp } from '../../format/batch/batch.js';
import { END, ENTRY } from '../../lsm/cursor.js';
import type { View } from '../../lsm/view.js';
import type { ApplicationCompare, KeyDifference, ObjectDifference } from '../compare.js';
import { commandsOf } from './commands.js';
import { DEFAULT_NAMESPACE, decodeSubkey, decodeUserKey } from './key.js';
import type { KvrocksLayout } from './layout.js';
import { decodeMetadata, type Metadata, valueTypes } from './metadata.js';

/** Tells differences of two databases of Kvrocks as Redis keys and commands. */
export function kvrocksCompare(layout: KvrocksLayout): ApplicationCompare {
  return {
    facts: { slots: layout.slots },
    defaultNamespace: DEFAULT_NAMESPACE,
    keyless: new Set(['pubsub', 'propagate', 'search', 'index']),
    advice:
      'The commands bring B to what A holds. Only SET does so through a master: given to A it reaches the replica. A\nmaster passes on nothing that changes nothing: any other command is for B itself, or takes a full synchronisation.',
    commandsOf: (ops) => commandsOf(ops, layout),
    differences: (differences, a, b, allKept) => redisDifferences(differences, a, b, layout, allKept),
  };
}

interface Group {
  prefix: Uint8Array;
  namespace: Uint8Array;
  key: Uint8Array;
  differences: KeyDifference[];
}

const subkeyFamilies = new Set(['default', 'zset_score', 'stream']);

/**
 * Differences of entries as differences of Redis keys, with the commands that bring B to what A holds. `allKept`: there are no
 * differences but these.
 */
async function redisDifferences(
  differences: readonly KeyDifference[],
  a: View,
  b: View,
  layout: KvrocksLayout,
  allKept: boolean,
): Promise<ObjectDifference[]> {
  const groups = new Map<string, Group>();
  for (const difference of differences) {
    const group = groupOf(difference, layout.slots);
    if (group === undefined) continue;
    const id = Buffer.from(group.prefix).toString('base64');
    const known = groups.get(id);
    if (known === undefined) groups.set(id, group);
    else known.differences.push(difference);
  }
  const found: ObjectDifference[] = [];
  for (const group of groups.values()) {
    const [wanted, there] = [await metadataOf(a, group.prefix), await metadataOf(b, group.prefix)];
    const difference = redisDifference(group, wanted, there, layout);
    // a key may have several entries, and some of them may not have been kept
    if (!allKept && wanted?.decoded?.version !== undefined) difference.complete = false;
    found.push(difference);
  }
  return found;
}

function groupOf(difference: KeyDifference, slots: boolean): Group | undefined {
  const { family, key } = difference;
  const of = family === 'metadata' ? decodeUserKey : subkeyFamilies.has(family) ? decodeSubkey : undefined;
  const decoded = of?.(key, slots);
  if (decoded === undefined) return undefined;
  const head = key.subarray(0, 1 + decoded.namespace.length + (slots ? 2 : 0));
  const prefix = Buffer.concat([head, decoded.key]);
  return { prefix, namespace: decoded.namespace, key: decoded.key, differences: [difference] };
}

async function metadataOf(
  view: View,
  key: Uint8Array,
): Promise<{ bytes: Uint8Array; decoded?: Metadata } | undefined> {
  const family = view.columnFamilies.find(({ name }) => name === 'metadata');
  if (family === undefined) return undefined;
  const visible = view.visible(family.id, { from: key });
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step !== ENTRY) {
        await visible.load();
        continue;
      }
      if (Buffer.compare(visible.keyBytes.subarray(0, visible.keyTo), key) !== 0) return undefined;
      const bytes = visible.valueBytes.slice(visible.valueFrom, visible.valueTo);
      const decoded = decodeMetadata(bytes);
      return { bytes, ...(decoded && { decoded }) };
    }
    return undefined;
  } finally {
    await visible.close();
  }
}

const utf8 = new TextDecoder();
const word = (text: string | bigint): Uint8Array => Buffer.from(String(text));
/** Types whose elements can be set and removed one by one, with the log data that names them. */
const elementTypes: Readonly<Record<number, string>> = { 2: '2', 4: '4', 5: '5', 7: '7' };

type Held = Awaited<ReturnType<typeof metadataOf>>;

function redisDifference(group: Group, wanted: Held, there: Held, layout: KvrocksLayout): ObjectDifference {
  const { key, namespace, differences } = group;
  const type = (wanted ?? there)?.decoded?.type;
  const result: ObjectDifference = {
    namespace: utf8.decode(namespace),
    key,
    type: type === undefined ? 'unknown' : valueTypes[type],
    entries: differences.length,
    commands: [],
    complete: true,
  };
  if (wanted === undefined) {
    // without metadata on both sides only leftovers of a deleted key differ, which compaction removes
    if (there !== undefined) result.commands.push([word('DEL'), key]);
    return result;
  }
  const goal = wanted.decoded;
  if (goal === undefined) return { ...result, complete: false };
  if (goal.version === undefined) return wholeValue(result, group, wanted.bytes, layout);
  // never DEL for a key that A holds: what would have to be set again may not all be known here
  if (there !== undefined && there.decoded?.version !== goal.version) return { ...result, complete: false };
  const log = elementTypes[goal.type];
  const current = differences.filter(
    (each) => each.family === 'default' && isCurrent(each, goal.version, layout.slots),
  );
  if (log === undefined) result.complete = differences.every(({ family }) => family === 'metadata');
  else {
    const ops = current
      .filter(({ cut }) => !cut)
      .map(({ key: entry, a: value }) => operation(0, entry, value));
    append(result.commands, typed(log, ops, layout));
    result.complete = ops.length === current.length;
  }
  if (goal.expire !== (there?.decoded?.expire ?? 0n))
    result.commands.push(
      goal.expire === 0n ? [word('PERSIST'), key] : [word('PEXPIREAT'), key, word(goal.expire)],
    );
  return result;
}

function wholeValue(
  result: ObjectDifference,
  group: Group,
  bytes: Uint8Array,
  layout: KvrocksLayout,
): ObjectDifference {
  const metadata = [...layout.families].find(([, name]) => name === 'metadata')?.[0] ?? 1;
  const made = commandsOf([operation(metadata, group.prefix, bytes)], layout);
  append(
    result.commands,
    made.map(({ words }) => words),
  );
  result.complete = made.every(({ exact }) => exact);
  return result;
}

function isCurrent({ key }: KeyDifference, version: bigint | undefined, slots: boolean): boolean {
  return decodeSubkey(key, slots)?.version === version;
}

/** Elements as commands, one command for each: a command line is limited in length. */
function typed(log: string, ops: readonly BatchOp[], layout: KvrocksLayout): Uint8Array[][] {
  const marker: BatchOp = { ...operation(0, word(log), undefined), kind: 'log-data', counted: false };
  return ops.flatMap((op) => commandsOf([marker, op], layout).map(({ words }) => words));
}

function operation(columnFamily: number, key: Uint8Array, value: Uint8Array | undefined): BatchOp {
  const kind = value === undefined ? 'delete' : 'put';
  return { tag: 0, kind, columnFamily, key, ...(value && { value }), counted: true, offset: 0, length: 0 };
}
