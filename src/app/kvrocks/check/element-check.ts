import { type Metadata, valueTypes } from '../metadata.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';

/** Looks at the live elements of one key, in their order, and says at the end what does not fit its metadata. */
export interface ElementCheck {
  take(element: Element): void;
  end(): Fault[];
}

/** The count in the metadata differs from the live elements. */
export function wrongSize({ type, size = 0n }: Metadata, live: number, names: string): Fault[] {
  if (size === BigInt(live)) return [];
  return [
    {
      rule: 'kvrocks/wrong-size',
      message: `The ${valueTypes[type]} counts ${size} ${names}, and ${live} are there`,
      evidence: { size: String(size), live },
    },
  ];
}
