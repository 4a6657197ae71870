/** Where fields stand in the value of metadata: see metadata.ts. */
const isWide = (value: Uint8Array) => (value[0] & 0x80) !== 0;
const sizeAt = (value: Uint8Array) => (isWide(value) ? 17 : 13);
const fieldsAt = (value: Uint8Array) => (isWide(value) ? 25 : 17);

/** The same metadata with another size. `undefined` where the size does not fit its form. */
export function withSize(value: Uint8Array, size: bigint): Uint8Array | undefined {
  const changed = value.slice();
  const view = new DataView(changed.buffer);
  if (isWide(value)) view.setBigUint64(sizeAt(value), size);
  else if (size <= 0xffff_ffffn) view.setUint32(sizeAt(value), Number(size));
  else return undefined;
  return changed;
}

/** The same metadata with other bytes in the fields of its type, from `at` of them on. */
export function withFields(value: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const changed = value.slice();
  changed.set(bytes, fieldsAt(value) + at);
  return changed;
}

export function u64Bytes(...numbers: bigint[]): Uint8Array {
  const bytes = new Uint8Array(8 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [i, number] of numbers.entries()) view.setBigUint64(8 * i, number);
  return bytes;
}
