/**
 * Appends the items of one list to another. For lists whose length the input decides: `push(...items)` passes each item as an
 * argument, and a call with some 100,000 of them ends in a stack overflow.
 */
export function append<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
