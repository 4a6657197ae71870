import { u32BigEndian } from '../../../bytes/u32.js';
import type { Metadata } from '../metadata.js';
import { ENTRY_ID } from '../stream.js';
import type { ElementCheck } from './element-check.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';
import { PieceHash, SetSum } from './set-sum.js';

/*
 * Metadata of a stream, after what all types have: last given out, first that was recorded, largest deleted, first and last
 * id (u64 milliseconds, u64 number each), u64 entries added, u64 groups (absent in old ones).
 */
const LAST_GENERATED = 0;
const FIRST = 48;
const LAST = 64;
const GROUPS = 88;

const GROUP = 1;
const CONSUMER = 2;
const PENDING = 3;
/** What begins all that is no entry, then its type, then u64 length and group: see stream.ts. */
const TYPE_AT = 8;
const LENGTH_AT = 9;
const GROUP_AT = 17;

const MARK = 0xffff_ffff;

const textOf = (bytes: Uint8Array, at = 0) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ENTRY_ID);
  return `${view.getBigUint64(0)}-${view.getBigUint64(8)}`;
};

/** A sum over groups, and one that tells groups apart. */
class Tally {
  total = 0;
  readonly each = new SetSum();

  add(hash: PieceHash, count: number): void {
    this.total += count;
    this.each.add(hash, count);
  }

  equals({ total, each }: Tally): boolean {
    return this.total === total && this.each.equals(each);
  }
}

/**
 * Entries are counted and named in the metadata; what each group says of its consumers and pending entries, and each
 * consumer of its own, is the live state. There may be any number of all of them, so sums tell whether.
 */
export class StreamCheck implements ElementCheck {
  private entries = 0;
  private readonly first = new Uint8Array(ENTRY_ID);
  private readonly last = new Uint8Array(ENTRY_ID);
  private groups = 0;
  private malformed = 0;
  private readonly hash = new PieceHash();
  /** By group: consumers and pending entries as the group says, and as there are. */
  private readonly saidConsumers = new Tally();
  private readonly consumers = new Tally();
  private readonly saidPending = new Tally();
  private readonly pending = new Tally();
  /** By group and consumer. */
  private readonly saidOwned = new Tally();
  private readonly owned = new Tally();

  constructor(private readonly metadata: Metadata) {}

  take(element: Element): void {
    const { bytes, subkeyFrom, subkeyTo } = element;
    const length = subkeyTo - subkeyFrom;
    const marked =
      length >= GROUP_AT &&
      u32BigEndian(bytes, subkeyFrom) === MARK &&
      u32BigEndian(bytes, subkeyFrom + 4) === MARK;
    if (marked) this.other(element, length);
    else if (length !== ENTRY_ID) this.malformed++;
    else {
      if (this.entries++ === 0) copy(this.first, bytes, subkeyFrom);
      copy(this.last, bytes, subkeyFrom);
    }
  }

  /** A group, a consumer or a pending entry. */
  private other(element: Element, length: number): void {
    const { bytes, subkeyFrom: from, subkeyTo, valueBytes, valueFrom, valueTo } = element;
    const groupFrom = from + GROUP_AT;
    const groupLength = u32BigEndian(bytes, from + LENGTH_AT + 4);
    const groupTo = groupFrom + groupLength;
    const value = (at: number) => u32BigEndian(valueBytes, valueFrom + at + 4);
    const valueLength = valueTo - valueFrom;
    const type = bytes[from + TYPE_AT];
    if (groupLength > length - GROUP_AT || (type !== GROUP && type !== CONSUMER && type !== PENDING)) {
      this.malformed++;
      return;
    }
    const group = () => this.hash.begin().piece(bytes, groupFrom, groupTo);
    if (type === GROUP && valueLength >= 16) {
      this.groups++;
      const hash = group().end();
      this.saidConsumers.add(hash, value(0));
      this.saidPending.add(hash, value(8));
    } else if (type === CONSUMER && valueLength >= 8 && groupTo + 8 <= subkeyTo) {
      this.consumers.add(group().end(), 1);
      this.saidOwned.add(
        group()
          .piece(bytes, groupTo + 8, subkeyTo)
          .end(),
        value(0),
      );
    } else if (type === PENDING && valueLength >= 24) {
      this.pending.add(group().end(), 1);
      // delivered ms, deliveries, length of the name, name
      this.owned.add(
        group()
          .piece(valueBytes, valueFrom + 24, valueTo)
          .end(),
        1,
      );
    } else this.malformed++;
  }

  end(): Fault[] {
    const { rest, size = 0n } = this.metadata;
    if (rest.length < GROUPS) {
      return [
        { rule: 'kvrocks/malformed-metadata', message: 'The metadata of the stream has too few bytes' },
      ];
    }
    const faults: Fault[] = [];
    if (this.malformed > 0) {
      faults.push({
        rule: 'kvrocks/malformed-element',
        message: `${this.malformed} elements of the stream are neither entries nor parts of groups`,
        evidence: { malformed: this.malformed },
      });
    }
    const wrongEntries = this.wrongEntries(size, rest);
    if (wrongEntries !== undefined) {
      faults.push({
        rule: 'kvrocks/stream-entries',
        message: wrongEntries,
        evidence: {
          size: String(size),
          live: this.entries,
          lastGenerated: textOf(rest, LAST_GENERATED),
          ...(this.entries > 0 && { first: textOf(this.first), last: textOf(this.last) }),
        },
      });
    }
    const wrongGroups = this.wrongGroups(rest);
    if (wrongGroups !== undefined) {
      faults.push({
        rule: 'kvrocks/stream-groups',
        message: wrongGroups,
        evidence: {
          groups: this.groups,
          consumers: this.consumers.total,
          pending: this.pending.total,
        },
      });
    }
    return faults;
  }

  private wrongEntries(size: bigint, rest: Uint8Array): string | undefined {
    const { entries, first, last } = this;
    if (size !== BigInt(entries)) return `The stream counts ${size} entries, and ${entries} are there`;
    if (entries === 0) return undefined;
    const at = (offset: number) => rest.subarray(offset, offset + ENTRY_ID);
    if (Buffer.compare(at(FIRST), first) !== 0)
      return `The stream says that it begins with ${textOf(rest, FIRST)}, and begins with ${textOf(first)}`;
    if (Buffer.compare(at(LAST), last) !== 0)
      return `The stream says that it ends with ${textOf(rest, LAST)}, and ends with ${textOf(last)}`;
    if (Buffer.compare(at(LAST_GENERATED), last) < 0)
      return `The stream says that it gave out ids up to ${textOf(rest, LAST_GENERATED)}, and ends with ${textOf(last)}`;
    return undefined;
  }

  private wrongGroups(rest: Uint8Array): string | undefined {
    const { groups, saidConsumers, consumers, saidPending, pending, saidOwned, owned } = this;
    if (rest.length >= GROUPS + 8) {
      const said = new DataView(rest.buffer, rest.byteOffset + GROUPS, 8).getBigUint64(0);
      if (said !== BigInt(groups)) return `The stream counts ${said} groups, and ${groups} are there`;
    }
    if (!saidConsumers.equals(consumers))
      return `Groups of the stream count ${saidConsumers.total} consumers, and ${consumers.total} are there`;
    if (!saidPending.equals(pending))
      return `Groups of the stream count ${saidPending.total} pending entries, and ${pending.total} are there`;
    if (!saidOwned.equals(owned))
      return `Consumers of the stream count ${saidOwned.total} pending entries, and ${owned.total} are there`;
    return undefined;
  }
}

function copy(into: Uint8Array, bytes: Uint8Array, from: number): void {
  for (let i = 0; i < into.length; i++) into[i] = bytes[from + i];
}
