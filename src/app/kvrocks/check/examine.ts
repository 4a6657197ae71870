import { u32BigEndian } from '../../../bytes/u32.js';
import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import { decodeUserKey } from '../key.js';
import type { KvrocksLayout } from '../layout.js';
import { decodeMetadata, type Metadata, valueTypes } from '../metadata.js';
import { NAMESPACE_KEYS } from '../propagate.js';
import { belongs, elementCheck } from './element-checks.js';
import { ElementCursor, type ElementFamily } from './element-cursor.js';
import { KeysInElementOrder, metadataKeyOf } from './element-order.js';
import type { Fault, KeyedFault } from './fault.js';
import { keyEvidence, MetadataCheck } from './metadata-check.js';
import { Orphans } from './orphans.js';
import { walkPrefix } from './walk.js';

export interface ExamineOptions {
  /** Milliseconds since 1970; what expires before is not looked at. */
  now: number;
  /** Memory for the keys that are sorted at a time, in bytes. */
  budget: number;
  /** Called for every element of a deleted value. The bytes are valid during the call. */
  orphan?(family: ElementFamily, key: Uint8Array): void;
}

const elementFamilies: readonly ElementFamily[] = ['default', 'zset_score', 'stream'];

/**
 * Holds what readers see against what Kvrocks keeps true, key by key: one walk over metadata (more when its keys do not fit
 * the budget) and one over the elements, merged by key. Nothing is held of a key's elements but counts and sums.
 */
export async function examineKvrocks(
  view: View,
  layout: KvrocksLayout,
  fault: (fault: KeyedFault) => void,
  options: ExamineOptions,
): Promise<void> {
  const idOf = (name: string) => [...layout.families].find(([, family]) => family === name)?.[0];
  const [metadata, propagate] = [idOf('metadata'), idOf('propagate')];
  if (metadata === undefined) return;
  const namespaces = propagate === undefined ? undefined : await registeredNamespaces(view, propagate, fault);
  const { now, budget } = options;
  const { slots } = layout;
  const rules = { slots, now, ...(namespaces && { namespaces }) };
  const metadataCheck = new MetadataCheck(rules, fault);
  const keys = new KeysInElementOrder(view, metadata, slots, {
    budget,
    entry: (key, value) => metadataCheck.entry(key, value),
  });
  const cursors = elementFamilies.flatMap((family) => {
    const id = idOf(family);
    return id === undefined ? [] : [new ElementCursor(family, view.visible(id), slots, malformed(fault))];
  });
  try {
    await new Examination(keys, cursors, slots, options, fault).run();
  } finally {
    await keys.close();
    for (const cursor of cursors) await cursor.close();
  }
}

function malformed(fault: (fault: KeyedFault) => void) {
  return (family: ElementFamily, key: Uint8Array) =>
    fault({
      rule: 'kvrocks/malformed-key',
      message: `A key of column family ${family} is shorter than its parts say`,
      evidence: { columnFamily: family, key: keyBytes(key) },
    });
}

/** The walk over keys and elements side by side. */
class Examination {
  private readonly orphans = new Orphans();
  private readonly none = new Uint8Array(0);

  constructor(
    private readonly keys: KeysInElementOrder,
    private readonly cursors: readonly ElementCursor[],
    private readonly slots: boolean,
    private readonly options: ExamineOptions,
    private readonly fault: (fault: KeyedFault) => void,
  ) {}

  async run(): Promise<void> {
    const { keys, cursors } = this;
    let key = await keys.next();
    if (this.endedEarly(keys.problem, 'metadata')) return;
    for (const cursor of cursors) await cursor.advance();
    for (;;) {
      const elements = this.smallest();
      if (elements === undefined && key === undefined) break;
      const order = elements === undefined ? -1 : key === undefined ? 1 : compare(key.prefix, elements);
      if (order <= 0) await this.examineKey(key!.prefix, key!.value);
      else await this.skip(elements!.bytes.slice(0, elements!.keyTo));
      if (order <= 0) key = await keys.next();
      if (cursors.some(({ family, problem }) => this.endedEarly(problem, family))) return;
      if (this.endedEarly(keys.problem, 'metadata')) return;
    }
    for (const found of this.orphans.faults()) this.fault(found);
  }

  /** The cursor whose key comes first. */
  private smallest(): ElementCursor | undefined {
    let first: ElementCursor | undefined;
    for (const cursor of this.cursors) {
      if (cursor.done) continue;
      if (first === undefined || compare(cursor.bytes.subarray(0, cursor.keyTo), first) < 0) first = cursor;
    }
    return first;
  }

  /** One key and all elements under its name. */
  private async examineKey(prefix: Uint8Array, value: Uint8Array): Promise<void> {
    const metadata = decodeMetadata(value);
    const isLive = metadata !== undefined && !hasExpired(metadata, this.options.now);
    const check = isLive ? elementCheck(metadata) : undefined;
    const version = metadata?.version ?? 0n;
    const [high, low] = [Number(version >> 32n), Number(version & 0xffff_ffffn)];
    let foreign = 0;
    for (const cursor of this.cursors) {
      while (!cursor.done && startsWith(cursor, prefix)) {
        const { bytes, keyTo, family } = cursor;
        // what cannot be decoded may be what these elements belong to
        if (metadata !== undefined) {
          if (u32BigEndian(bytes, keyTo) !== high || u32BigEndian(bytes, keyTo + 4) !== low)
            this.orphan(cursor);
          else if (!belongs(metadata.type, family)) foreign++;
          else check?.take(cursor);
        }
        if (!cursor.step()) {
          await cursor.load();
          await cursor.advance();
        }
      }
      // the end of what can be read is not the end of the key
      if (cursor.problem !== undefined) return;
    }
    if (metadata === undefined) return;
    const faults: Fault[] = check?.end() ?? [];
    if (foreign > 0 && isLive) faults.push(foreignFault(foreign));
    if (faults.length === 0) return;
    const metadataKey = metadataKeyOf(prefix, this.slots);
    const named = keyEvidence(decodeUserKey(metadataKey, this.slots)!);
    for (const { evidence, ...found } of faults) {
      const all = { ...named, type: valueTypes[metadata.type], ...evidence };
      this.fault({ ...found, evidence: all, metadataKey });
    }
  }

  /** Elements of a key that has no metadata. */
  private async skip(prefix: Uint8Array): Promise<void> {
    for (const cursor of this.cursors) {
      while (!cursor.done && startsWith(cursor, prefix)) {
        this.orphan(cursor);
        await cursor.advance();
      }
    }
  }

  private orphan(cursor: ElementCursor): void {
    this.options.orphan?.(cursor.family, cursor.bytes.subarray(0, cursor.subkeyTo));
    this.orphans.take(cursor, () => {
      const metadataKey = metadataKeyOf(cursor.bytes.slice(0, cursor.keyTo), this.slots);
      return decodeUserKey(metadataKey, this.slots)?.key ?? this.none;
    });
  }

  private endedEarly(problem: string | undefined, family: string): boolean {
    if (problem === undefined) return false;
    this.fault({
      rule: 'kvrocks/check-ended',
      message: `Column family ${family} could not be read to its end`,
      evidence: { columnFamily: family, problem },
    });
    return true;
  }
}

function foreignFault(count: number): Fault {
  return {
    rule: 'kvrocks/wrong-family',
    message: `${count} elements of the key stand in a column family that its type does not use`,
    evidence: { elements: count },
  };
}

/** Kvrocks treats it as absent, and compaction may have removed parts of it. */
function hasExpired({ expire }: Metadata, now: number): boolean {
  return expire !== 0n && expire < BigInt(now);
}

function compare(prefix: Uint8Array, { bytes, keyTo }: ElementCursor): number {
  return Buffer.compare(prefix, bytes.subarray(0, keyTo));
}

function startsWith({ bytes, keyTo }: ElementCursor, prefix: Uint8Array): boolean {
  if (keyTo !== prefix.length) return false;
  for (let i = keyTo - 1; i >= 0; i--) if (bytes[i] !== prefix[i]) return false;
  return true;
}

/** The registered namespaces. `undefined` where the database does not hold them: they are in kvrocks.conf then. */
async function registeredNamespaces(
  view: View,
  propagate: number,
  fault: (fault: Fault) => void,
): Promise<Set<string> | undefined> {
  let found: Set<string> | undefined;
  await walkPrefix(view, propagate, Buffer.from(NAMESPACE_KEYS), (rest, value) => {
    if (rest.length > 0) return false;
    found = namespacesIn(value);
    // tokens are passwords: nothing of the value is shown
    if (found === undefined) {
      fault({
        rule: 'kvrocks/malformed-namespaces',
        message: `The ${value.length} bytes of the table of namespaces are not JSON of tokens and their namespaces`,
        evidence: { bytes: value.length },
      });
    }
    return false;
  });
  return found;
}

function namespacesIn(value: Uint8Array): Set<string> | undefined {
  try {
    const table: unknown = JSON.parse(Buffer.from(value).toString());
    if (typeof table !== 'object' || table === null || Array.isArray(table)) return undefined;
    const names = Object.values(table);
    return names.every((name) => typeof name === 'string') ? new Set(names) : undefined;
  } catch {
    return undefined;
  }
}
