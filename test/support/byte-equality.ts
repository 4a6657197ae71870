import { expect } from 'vitest';

/** Bytes are compared as bytes: element by element, as any other array, takes a second for a small database. */
expect.addEqualityTesters([
  (a: unknown, b: unknown) =>
    a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : undefined,
]);
