import type { ByteSource } from '../bytes/source.js';
import { checkTable } from '../check/sst/table.js';
import type { TableContext } from '../check/unit.js';
import type { Cause } from '../finding/finding.js';
import { magicAt } from '../format/sst/footer.js';
import { type BitChange, FlippedSource } from './flipped-source.js';
import { flipText } from './flips.js';
import { ABOUT_THE_FILE, CHECKED_WHOLE } from './table-trial.js';

/** Where a footer of Pebble's has its version, in bytes before the end of the file: a number of 4 bytes. */
const VERSION = 12;
/** From the next version on footers have a checksum, which tells by itself. */
const LAST_WITHOUT_CHECKSUM = 5;

/**
 * Why a footer of Pebble's has a version that does not exist. The version says what the first byte of a value is and what properties
 * count: of those that one bit leads to only the right one makes a table that agrees with itself.
 */
export async function footerVersionCause(
  source: ByteSource,
  context: TableContext,
): Promise<Cause | undefined> {
  const { size } = source;
  if (context.dialect !== 'pebble' || size > CHECKED_WHOLE || size < VERSION) return undefined;
  const end = new Uint8Array(VERSION);
  if ((await source.read(end, size - VERSION)) < VERSION || magicAt(end, VERSION)?.format !== 'pebble')
    return undefined;
  const stored = new DataView(end.buffer).getUint32(0, true);
  const fitting: BitChange[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const version = (stored ^ (1 << bit)) >>> 0;
    if (version === 0 || version > LAST_WITHOUT_CHECKSUM) continue;
    const change = { offset: size - VERSION + (bit >> 3), bit: bit & 7 };
    if (await isSound(new FlippedSource(source, [change]), context)) fitting.push(change);
  }
  const [change] = fitting;
  if (fitting.length !== 1) return undefined;
  return {
    kind: 'bit-flip',
    certainty: 'proven',
    detail: `${flipText({ ...change, field: 'content' })} of the footer`,
    basis: 'under no other version that one bit leads to does the table agree with its own properties',
    changes: [change],
    restores: true,
  };
}

async function isSound(source: ByteSource, context: TableContext): Promise<boolean> {
  const { blocks: _, ...whole } = context;
  const { findings, unchecked } = await checkTable(source, { ...whole, depth: 'full', orphan: false });
  return unchecked.length === 0 && findings.every(({ rule }) => ABOUT_THE_FILE.has(rule));
}
