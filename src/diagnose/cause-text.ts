/** An offset as people look for it: `0x7a3a (31290)`. */
export function offsetText(offset: number): string {
  return `0x${offset.toString(16)} (${offset})`;
}

/** `1 entry`, `2 entries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `column family default`, `column families default, meta`; by names, or by ids where names are not known. */
export function familiesText(names: readonly (string | number)[]): string {
  return `column ${names.length === 1 ? 'family' : 'families'} ${names.join(', ')}`;
}
