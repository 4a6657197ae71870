import { expect } from 'vitest';

expect.addEqualityTesters([
  /** Bytes are compared as bytes: element by element, as any other array, takes a second for a small database. */
  (a: unknown, b: unknown) =>
    a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : undefined,
  /** Maps and sets by what they hold: `toContainEqual` takes any two for equal, as they have no properties. */
  function (a: unknown, b: unknown, testers) {
    if (a instanceof Map && b instanceof Map) {
      const isSame = ([key, value]: [unknown, unknown]) =>
        b.has(key) && this.equals(value, b.get(key), testers);
      return a.size === b.size && [...a].every(isSame);
    }
    if (!(a instanceof Set && b instanceof Set)) return undefined;
    return (
      a.size === b.size &&
      [...a].every((one) => b.has(one) || [...b].some((each) => this.equals(one, each, testers)))
    );
  },
]);
