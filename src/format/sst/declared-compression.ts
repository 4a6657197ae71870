import type { Table } from './table.js';

/** Compression types by the names that tables up to format version 6 declare them with. */
const BY_NAME: Record<string, readonly number[]> = {
  NoCompression: [],
  Snappy: [0x01],
  Zlib: [0x02],
  BZip2: [0x03],
  // one decoder reads both, and one name is written for either
  LZ4: [0x04, 0x05],
  LZ4HC: [0x04, 0x05],
  Xpress: [0x06],
  // the type before zstd's format was final has the final one's name in 5.x
  ZSTD: [0x07, 0x40],
  ZSTDNotFinal: [0x40],
};

/**
 * Which compression types the properties of a table allow its data blocks: 1 for each; `undefined` where the table does not say.
 * From format version 7 on the property reads `<manager>;<types in hex>;<reserved>`.
 */
export function declaredCompression(table: Table): Uint8Array | undefined {
  // Pebble writes a name of its own choice for a mix of codecs
  if (table.dialect === 'pebble') return undefined;
  const stated = table.propertiesSound ? table.properties?.text('compression') : undefined;
  if (stated === undefined || stated === '') return undefined;
  const types = stated.includes(';') ? pairs(stated.split(';')[1]) : BY_NAME[stated];
  if (types === undefined) return undefined;
  const declared = new Uint8Array(256);
  declared[0] = 1;
  for (const type of types) declared[type] = 1;
  return declared;
}

function pairs(hex: string): number[] | undefined {
  if (!/^([0-9a-fA-F]{2})*$/.test(hex)) return undefined;
  return Array.from(hex.matchAll(/../g), ([pair]) => Number.parseInt(pair, 16));
}
