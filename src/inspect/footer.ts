import { CHECKSUM, checksumName } from '../format/sst/checksum.js';
import type { Footer } from '../format/sst/footer.js';
import { Fields } from './fields.js';
import type { Node, Space } from './node.js';

/** The footer as its bytes stand; `problems` is what is wrong with it (format/sst/footer.ts has the drawings). */
export function footerNode(bytes: Uint8Array, space: Space, footer: Footer, problems: string[]): Node {
  const { offset, length, format, formatVersion } = footer;
  const fields = new Fields(space, offset, bytes);
  if (length === 48) {
    handles(fields, 40);
  } else if (format === 'pebble') {
    fields.u8('checksum type', checksumName);
    fields.raw('body', Math.max(0, fields.remaining - 12));
  } else if (format === 'block-based' && formatVersion >= 6) {
    fields.u8('checksum type', checksumName);
    fields.u32('extended magic', () => ({ hexDigits: 8 }));
    fields.u32('footer checksum', () => ({ hexDigits: 8 }));
    fields.u32('base of context checksums', () => ({ hexDigits: 8 }));
    fields.u32('metaindex size');
    fields.raw('reserved', 24);
  } else {
    fields.u8('checksum type', checksumName);
    handles(fields, 41);
  }
  if (length !== 48) fields.u32('format version');
  fields.u64('magic', () => ({ hexDigits: 16, text: format }));
  const type = checksumName(footer.checksumType);
  const protection = footer.checksumType === CHECKSUM.none ? 'no checksums' : `checksums ${type}`;
  return {
    name: 'footer',
    at: { space, offset, length },
    text: `${format}, format version ${formatVersion}, ${protection}`,
    problems,
    children: () => fields.nodes,
  };
}

/** Handles of metaindex and index, and zeros up to byte `end` of the footer. */
function handles(fields: Fields, end: number): void {
  for (const name of ['metaindex handle', 'index handle']) {
    fields.group(name, (inner) => {
      const offset = inner.varint64('offset', (value) => `0x${value.toString(16)}`);
      const size = inner.varint64('size');
      return { text: `0x${(offset ?? 0n).toString(16)}+${size ?? 0n}` };
    });
  }
  const padding = end - fields.position;
  if (padding > 0) fields.raw('padding', padding);
}
