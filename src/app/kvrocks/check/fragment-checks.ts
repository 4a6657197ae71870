import type { Metadata } from '../metadata.js';
import type { ElementCheck } from './element-check.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';

/** Bytes of a fragment of a bitmap. */
const FRAGMENT = 1024;
/** Segments of a HyperLogLog: 1,024 registers of six bits in each. */
const SEGMENTS = 16;
const SEGMENT = 768;
/** Bytes of one block-split filter. */
const SMALLEST_FILTER = 32;
const LARGEST_FILTER = 128 << 20;

/** A number in decimal digits, as it would be written; -1 for anything else. */
function decimal({ bytes, subkeyFrom, subkeyTo }: Element): number {
  const digits = subkeyTo - subkeyFrom;
  if (digits < 1 || digits > 15 || (digits > 1 && bytes[subkeyFrom] === 0x30)) return -1;
  let number = 0;
  for (let at = subkeyFrom; at < subkeyTo; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/**
 * Fragments are named by their offset. A fragment grows by doubling, so the last may reach past the size, with zeros; a bit
 * that is set there was never counted.
 */
export class BitmapCheck implements ElementCheck {
  private fragments = 0;
  private wrong = 0;
  private first?: string;

  constructor(private readonly metadata: Metadata) {}

  take(element: Element): void {
    this.fragments++;
    const why = this.wrongWith(element);
    if (why === undefined) return;
    this.wrong++;
    this.first ??= why;
  }

  private wrongWith(element: Element): string | undefined {
    const { valueBytes, valueFrom, valueTo } = element;
    const offset = decimal(element);
    const size = Number(this.metadata.size ?? 0n);
    if (offset < 0 || offset % FRAGMENT !== 0) return 'its offset is not a multiple of 1,024';
    if (valueTo - valueFrom > FRAGMENT) return `it has ${valueTo - valueFrom} bytes`;
    if (offset >= size) return `it begins at byte ${offset} of ${size}`;
    for (let at = valueFrom + size - offset; at < valueTo; at++)
      if (valueBytes[at] !== 0) return `it has bits at byte ${offset + at - valueFrom} of ${size}`;
    return undefined;
  }

  end(): Fault[] {
    const { fragments, wrong, first, metadata } = this;
    if (first === undefined) return [];
    return [
      {
        rule: 'kvrocks/bitmap-fragment',
        message: `${wrong} of ${fragments} fragments of the bitmap are invalid; the first: ${first}`,
        evidence: { fragments, wrong, size: String(metadata.size ?? 0n) },
      },
    ];
  }
}

export class HyperLogLogCheck implements ElementCheck {
  private wrong = 0;
  private first?: string;

  take(element: Element): void {
    const segment = decimal(element);
    const length = element.valueTo - element.valueFrom;
    if (segment >= 0 && segment < SEGMENTS && length === SEGMENT) return;
    this.wrong++;
    this.first ??=
      segment >= 0 && segment < SEGMENTS
        ? `segment ${segment} has ${length} bytes, not ${SEGMENT}`
        : 'its segment number is not one of 0 to 15';
  }

  end(): Fault[] {
    const { wrong, first } = this;
    if (first === undefined) return [];
    return [
      {
        rule: 'kvrocks/hyperloglog-registers',
        message: `${wrong} segments of the HyperLogLog are invalid: ${first}`,
        evidence: { wrong },
      },
    ];
  }
}

/** The fields of a Bloom filter's metadata: u16 filters, u16 expansion, u32 capacity, f64 error rate, u32 bytes. */
const BLOOM_FIELDS = 20;

export class BloomCheck implements ElementCheck {
  private filters = 0;
  private bytes = 0;
  private wrong?: string;

  constructor(private readonly metadata: Metadata) {}

  take({ bytes, subkeyFrom, subkeyTo, valueFrom, valueTo }: Element): void {
    const length = valueTo - valueFrom;
    const number = subkeyTo - subkeyFrom === 2 ? (bytes[subkeyFrom] << 8) | bytes[subkeyFrom + 1] : -1;
    if (number !== this.filters) this.wrong ??= `filter ${this.filters} is missing`;
    // a power of two has one bit
    if (length < SMALLEST_FILTER || length > LARGEST_FILTER || (length & (length - 1)) !== 0)
      this.wrong ??= `filter ${number} has ${length} bytes, which is not the size of a filter`;
    this.filters++;
    this.bytes += length;
  }

  end(): Fault[] {
    const { rest } = this.metadata;
    if (rest.length < BLOOM_FIELDS) {
      return [
        { rule: 'kvrocks/malformed-metadata', message: 'The metadata of the Bloom filter has too few bytes' },
      ];
    }
    const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    const [filters, total] = [view.getUint16(0), view.getUint32(16)];
    const why =
      this.wrong ??
      (this.filters !== filters
        ? `it has ${this.filters} filters of ${filters}`
        : this.bytes !== total
          ? `its filters have ${this.bytes} bytes of ${total}`
          : undefined);
    if (why === undefined) return [];
    return [
      {
        rule: 'kvrocks/bloom-filters',
        message: `The Bloom filter is not whole: ${why}`,
        evidence: { filters, found: this.filters, bytes: total, foundBytes: this.bytes },
      },
    ];
  }
}
