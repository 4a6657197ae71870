import { LIST, type Metadata, STREAM, valueTypes } from '../metadata.js';
import { type ElementCheck, wrongSize } from './element-check.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';
import { BitmapCheck, BloomCheck, HyperLogLogCheck } from './fragment-checks.js';
import { ListCheck } from './list-check.js';
import { SortedSetCheck } from './sorted-set-check.js';
import { StreamCheck } from './stream-check.js';

const HASH = 2;
const SET = 4;
const SORTED_SET = 5;
const BITMAP = 6;
const SORTED_INTEGERS = 7;
const BLOOM = 9;
const HYPERLOGLOG = 11;

/** The check for the elements of a key with such metadata. `undefined` when nothing is known of its elements. */
export function elementCheck(metadata: Metadata): ElementCheck | undefined {
  switch (metadata.type) {
    case HASH:
    case SET:
    case SORTED_INTEGERS:
      return new CountCheck(metadata);
    case LIST:
      return new ListCheck(metadata);
    case SORTED_SET:
      return new SortedSetCheck(metadata);
    case BITMAP:
      return new BitmapCheck(metadata);
    case STREAM:
      return new StreamCheck(metadata);
    case BLOOM:
      return new BloomCheck(metadata);
    case HYPERLOGLOG:
      return new HyperLogLogCheck();
    default:
      return undefined;
  }
}

/** Column families that elements of a type stand in. */
export function belongs(type: number, family: Element['family']): boolean {
  if (type === STREAM) return family === 'stream';
  return family === 'default' || (type === SORTED_SET && family === 'zset_score');
}

const elementNames: Readonly<Record<number, string>> = {
  [HASH]: 'fields',
  [SET]: 'members',
  [SORTED_INTEGERS]: 'ids',
};

/** Hash, set, sorted integers: one element each, counted in the metadata. */
class CountCheck implements ElementCheck {
  private live = 0;
  private malformed = 0;

  constructor(private readonly metadata: Metadata) {}

  take({ subkeyFrom, subkeyTo, valueFrom, valueTo }: Element): void {
    this.live++;
    const { type } = this.metadata;
    if (type === HASH) return;
    if (valueTo !== valueFrom || (type === SORTED_INTEGERS && subkeyTo - subkeyFrom !== 8)) this.malformed++;
  }

  end(): Fault[] {
    const { metadata, live, malformed } = this;
    const { type } = metadata;
    const names = elementNames[type];
    const faults: Fault[] = [];
    if (malformed > 0) {
      faults.push({
        rule: 'kvrocks/malformed-element',
        message: `${malformed} of the ${live} ${names} of the ${valueTypes[type]} have not the form of one`,
        evidence: { malformed },
      });
    }
    return [...faults, ...wrongSize(metadata, live, names)];
  }
}
