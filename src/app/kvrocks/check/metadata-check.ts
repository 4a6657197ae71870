import { keyBytes } from '../../../finding/evidence.js';
import { DEFAULT_NAMESPACE, decodeUserKey, slotOf, type UserKey } from '../key.js';
import { decodeMetadata, JSON_DOCUMENT, type Metadata, valueTypes } from '../metadata.js';
import { whyNoCbor } from './cbor.js';
import type { KeyedFault } from './fault.js';

/** Clocks of two machines may differ by this, in microseconds: an hour. */
const CLOCKS = 3_600_000_000n;
/** Documents above this many bytes are not parsed. */
const LARGEST_DOCUMENT = 16 << 20;
/** Bits of a version below the microsecond. */
const VERSION_COUNTER = 11n;

/** What names a key in a finding. */
export function keyEvidence({ namespace, key, slot }: UserKey): KeyedFault['evidence'] & object {
  const name = Buffer.from(namespace).toString();
  return {
    key: keyBytes(key),
    ...(name !== DEFAULT_NAMESPACE && { namespace: keyBytes(namespace) }),
    ...(slot !== undefined && { slot }),
  };
}

interface MetadataRules {
  slots: boolean;
  /** Milliseconds since 1970. */
  now: number;
  /** The namespaces that are registered. Absent: nothing tells. */
  namespaces?: ReadonlySet<string>;
}

/** Checks the entries of column family `metadata` one by one, in their order. */
export class MetadataCheck {
  private lastNamespace: Uint8Array | undefined;
  private readonly latest: bigint;

  constructor(
    private readonly rules: MetadataRules,
    private readonly fault: (fault: KeyedFault) => void,
  ) {
    this.latest = BigInt(rules.now) * 1000n + CLOCKS;
  }

  entry(metadataKey: Uint8Array, value: Uint8Array): void {
    const userKey = decodeUserKey(metadataKey, this.rules.slots);
    if (userKey === undefined) {
      this.fault({
        rule: 'kvrocks/malformed-key',
        message: `A key of column family metadata ends before its ${this.rules.slots ? 'namespace and slot do' : 'namespace does'}`,
        evidence: { columnFamily: 'metadata', key: keyBytes(metadataKey) },
      });
      return;
    }
    this.namespace(userKey);
    const metadata = decodeMetadata(value);
    const wrong: Wrong | undefined = metadata
      ? wrongWith(userKey, metadata, this.latest)
      : ['kvrocks/malformed-metadata', whyNoMetadata(value), {}];
    if (wrong === undefined) return;
    const [rule, message, more] = wrong;
    const type = metadata && { type: valueTypes[metadata.type] };
    const evidence = { ...keyEvidence(userKey), ...type, ...more };
    this.fault({ rule, message, evidence, metadataKey: metadataKey.slice() });
  }

  /** Keys of a namespace stand together, so each is looked up once. */
  private namespace({ namespace }: UserKey): void {
    const { namespaces } = this.rules;
    if (namespaces === undefined) return;
    if (this.lastNamespace !== undefined && Buffer.compare(this.lastNamespace, namespace) === 0) return;
    this.lastNamespace = namespace.slice();
    const name = Buffer.from(namespace).toString();
    if (name === DEFAULT_NAMESPACE || namespaces.has(name)) return;
    this.fault({
      rule: 'kvrocks/unregistered-namespace',
      message: 'There are keys of a namespace that the table of namespaces does not name',
      evidence: { namespace: keyBytes(namespace), registered: namespaces.size },
    });
  }
}

type Wrong = readonly [rule: KeyedFault['rule'], message: string, evidence: KeyedFault['evidence']];

function wrongWith({ slot, key }: UserKey, metadata: Metadata, latest: bigint): Wrong | undefined {
  const own = slot === undefined ? slot : slotOf(key);
  if (slot !== own) {
    return ['kvrocks/wrong-slot', `The key stands under slot ${slot}, and its own is ${own}`, { own: own! }];
  }
  const { type, version = 0n, rest } = metadata;
  if (version >> VERSION_COUNTER > latest) {
    const made = new Date(Number((version >> VERSION_COUNTER) / 1000n));
    const when = Number.isNaN(made.getTime()) ? `version ${version}` : made.toISOString();
    return [
      'kvrocks/future-version',
      `The key was made in the future: ${when}`,
      { version: String(version) },
    ];
  }
  if (type !== JSON_DOCUMENT) return undefined;
  const why = whyNoDocument(rest);
  return why === undefined ? undefined : ['kvrocks/malformed-document', why, { bytes: rest.length }];
}

function whyNoMetadata(value: Uint8Array): string {
  if (value.length === 0) return 'The metadata of the key is empty';
  const [flags] = value;
  const unused = flags & 0x70;
  if (unused !== 0) return `The metadata's flags have bits that are always zero: 0x${flags.toString(16)}`;
  if (!((flags & 0x0f) in valueTypes)) return `The metadata names type ${flags & 0x0f}, which is not known`;
  const type = valueTypes[flags & 0x0f];
  return `The metadata of the ${type} has ${value.length} bytes, which is too few`;
}

function whyNoDocument(rest: Uint8Array): string | undefined {
  const [format] = rest;
  const document = rest.subarray(1);
  if (format === undefined || format > 1) return `The document has format ${format ?? 'byte missing'}`;
  if (document.length > LARGEST_DOCUMENT) return undefined;
  if (format === 1) return whyNoCbor(document);
  try {
    JSON.parse(Buffer.from(document).toString());
    return undefined;
  } catch {
    return `The ${document.length} bytes of the document are not JSON`;
  }
}
