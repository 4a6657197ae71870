import type { View } from '../../lsm/view.js';
import type { Effect } from '../redis/effect.js';
import type { KeyReader, SeenEffect } from '../redis/replies.js';
import { redisWord } from '../redis/word.js';
import { elementPrefix } from './check/element-order.js';
import { walkEntries } from './check/walk.js';
import type { KvrocksFamily } from './families.js';
import { decodeSubkey, encodeUserKey } from './key.js';
import type { KvrocksLayout } from './layout.js';
import { decodeMetadata, decodeScore, type Metadata, STRING } from './metadata.js';
import { NAMESPACE_KEYS } from './propagate.js';
import { streamId } from './stream.js';

/** Elements of a list that are looked at for one. */
const MOST_ELEMENTS = 10_000;
/** Bytes of a value that are shown. */
const SHOWN = 60;

/** What readers see of single keys of Kvrocks. */
export class ReaderView implements KeyReader {
  constructor(
    private readonly view: View,
    private readonly layout: KvrocksLayout,
  ) {}

  async namespaces(): Promise<ReadonlyMap<string, string>> {
    const stored = await this.get('propagate', Buffer.from(NAMESPACE_KEYS));
    try {
      const namespaces: unknown = JSON.parse(Buffer.from(stored ?? []).toString('utf8'));
      return new Map(
        Object.entries(namespaces as object).filter(
          (each): each is [string, string] => typeof each[1] === 'string',
        ),
      );
    } catch {
      return new Map();
    }
  }

  async see(namespace: string, key: Uint8Array, effect: Effect): Promise<SeenEffect> {
    const stored = encodeUserKey(Buffer.from(namespace), key, this.layout.slots);
    const value = await this.get('metadata', stored);
    if (value === undefined) return { same: effect.kind.startsWith('no-'), says: 'the key is not there' };
    const metadata = decodeMetadata(value);
    if (metadata === undefined) return { says: 'the key’s metadata does not decode' };
    switch (effect.kind) {
      case 'value':
        return metadata.type === STRING
          ? compared(metadata.rest, effect.value)
          : { same: false, says: 'the key is no string' };
      case 'no-key':
        return { same: false, says: 'the key is there' };
      case 'expiry':
        return metadata.expire === 0n
          ? { same: false, says: 'the key does not expire' }
          : { says: `the key expires at ${metadata.expire} ms` };
      case 'popped':
        return { says: 'the list is there' };
      case 'element':
        return this.element(stored, metadata, effect.value);
      default:
        return this.part(stored, metadata, effect);
    }
  }

  private async part(
    stored: Uint8Array,
    metadata: Metadata,
    { kind, part, value }: Effect,
  ): Promise<SeenEffect> {
    const family = kind === 'entry' ? 'stream' : 'default';
    const subkey = kind === 'entry' ? entryId(part!) : part!;
    if (metadata.version === undefined || subkey === undefined)
      return { same: false, says: 'the key is of another type' };
    const found = await this.get(family, this.subkeyOf(stored, metadata.version, subkey));
    const gone = kind.startsWith('no-');
    if (found === undefined) return { same: gone, says: 'it is not there' };
    if (gone) return { same: false, says: 'it is there' };
    if (kind === 'field') return compared(found, value);
    if (kind !== 'score') return { same: true, says: 'it is there' };
    const score = Buffer.from(String(decodeScore(found)));
    return compared(score, value);
  }

  private async element(
    stored: Uint8Array,
    metadata: Metadata,
    value: Uint8Array | undefined,
  ): Promise<SeenEffect> {
    const { list, version } = metadata;
    if (list === undefined || version === undefined) return { same: false, says: 'the key is no list' };
    const prefix = this.subkeyOf(stored, version, new Uint8Array(0));
    let left = MOST_ELEMENTS;
    let found = false;
    await this.walk('default', prefix, (key, bytes) => {
      const decoded = decodeSubkey(key, this.layout.slots);
      if (decoded === undefined || Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) return false;
      found = Buffer.compare(bytes, value!) === 0;
      return !found && --left > 0;
    });
    if (found) return { same: true, says: 'an element is the same' };
    return left > 0
      ? { same: false, says: 'no element is the same' }
      : { says: `none of the first ${MOST_ELEMENTS} elements is the same` };
  }

  private subkeyOf(stored: Uint8Array, version: bigint, subkey: Uint8Array): Uint8Array {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, version);
    return Buffer.concat([elementPrefix(stored, this.layout.slots)!, number, subkey]);
  }

  private async get(family: KvrocksFamily, key: Uint8Array): Promise<Uint8Array | undefined> {
    let value: Uint8Array | undefined;
    await this.walk(family, key, (found, bytes) => {
      if (Buffer.compare(found, key) === 0) value = bytes.slice();
      return false;
    });
    return value;
  }

  private async walk(
    family: KvrocksFamily,
    from: Uint8Array,
    entry: (key: Uint8Array, value: Uint8Array) => boolean,
  ): Promise<void> {
    const id = [...this.layout.families].find(([, name]) => name === family)?.[0];
    if (id !== undefined) await walkEntries(this.view, id, entry, from);
  }
}

function compared(found: Uint8Array, wanted: Uint8Array | undefined): SeenEffect {
  const same = wanted !== undefined && Buffer.compare(found, wanted) === 0;
  return { same, says: redisWord(found, SHOWN) };
}

/** `1700000000000-0` as a stream stores it. */
function entryId(text: Uint8Array): Uint8Array | undefined {
  const match = /^(\d{1,20})-(\d{1,20})$/.exec(Buffer.from(text).toString('latin1'));
  if (match === null) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, BigInt(match[1])));
  view.setBigUint64(8, BigInt.asUintN(64, BigInt(match[2])));
  return streamId(bytes) === match[0] ? bytes : undefined;
}
