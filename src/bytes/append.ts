/**
 * Appends the items of one list to another. For lists whose length the input decides: `push(...items)` passes each item as an
 * argument, and a call with some 100,000 of them ends in a stack overflow.
 */
export function append<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** The largest of some numbers, `least` where none is larger: for as many as the input likes, for the same reason. */
export function largest(numbers: Iterable<number>, least: number): number {
  let found = least;
  for (const number of numbers) if (number > found) found = number;
  return found;
}
