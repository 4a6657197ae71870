import { maskCrc } from '../../bytes/crc32c.js';
import { hex32 } from '../../bytes/hexdump.js';
import type { ByteSource } from '../../bytes/source.js';
import type { RuleId } from '../../finding/catalog.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { Damage, DamageReason } from '../../format/log/damage.js';
import { engineMessage } from '../../format/log/engine-message.js';
import { BLOCK_SIZE } from '../../format/log/types.js';
import { hexAround } from './evidence.js';
import { lengthThatFits } from './plausible.js';

const ruleOfReason: Record<DamageReason, RuleId> = {
  checksum: 'wal/checksum-mismatch',
  zeros: 'wal/zeroed-range',
  'bad-length': 'wal/bad-length',
  'unknown-type': 'wal/unknown-record-type',
  'orphan-fragment': 'wal/orphan-fragment',
  'unfinished-record': 'wal/unfinished-record',
  'stale-record': 'wal/stale-record',
  'wrong-log-number': 'wal/wrong-log-number',
  'mixed-headers': 'wal/mixed-headers',
  'false-end': 'wal/false-end',
  trailer: 'wal/nonzero-trailer',
  'zero-gap': 'wal/zero-gap-in-record',
  'misplaced-compression': 'wal/misplaced-compression',
  metadata: 'wal/malformed-metadata',
  decompression: 'wal/decompression-failed',
};

/** A finding about damage, its bytes read once more for what they still tell. `message` replaces the reason's own. */
export async function damageFinding(
  source: ByteSource,
  file: string,
  damage: Damage,
  message?: string,
): Promise<Finding> {
  const { offset, length } = damage;
  const evidence = headerEvidence(damage);
  let rule = ruleOfReason[damage.reason];
  let text = message ?? messageOf(damage);
  const fitting = await fittingLength(source, damage);
  if (fitting !== undefined) {
    rule = 'wal/bad-length';
    text = `The length says ${damage.header?.length} bytes, the checksum holds for ${fitting}`;
    evidence.fittingLength = fitting;
  }
  const zeros = await zeroRun(source, damage);
  if (zeros !== undefined) evidence.zeros = zeros;
  const says = engineMessage(damage);
  if (says !== undefined) evidence.strictModeSays = says;
  if (damage.recordOffset !== undefined) evidence.recordOffset = damage.recordOffset;
  if (damage.orphans > 0) evidence.fragmentsLostWithIt = damage.orphans;
  evidence.bytes = await hexAround(source, offset, Math.min(length, damage.header?.headerSize ?? 7));
  return findingAt({ file }, rule, { offset, length, message: text, evidence });
}

function headerEvidence({ header, computedCrc }: Damage): Record<string, EvidenceValue> {
  if (header === undefined) return {};
  return {
    stored: hex32(header.storedCrc),
    ...(computedCrc !== undefined && { computed: hex32(maskCrc(computedCrc)) }),
    type: header.type,
    recordLength: header.length,
    ...(header.logNumber !== undefined && { logNumber: header.logNumber }),
  };
}

function messageOf(damage: Damage): string {
  const { header, offset } = damage;
  const name = header === undefined ? 'record' : recordName(header.kind);
  switch (damage.reason) {
    case 'checksum':
      return damage.computedCrc === undefined || header === undefined
        ? `The ${name} does not match its checksum`
        : `The ${name} of ${header.length} bytes has checksum ${hex32(header.storedCrc)} stored, ${hex32(maskCrc(damage.computedCrc))} computed`;
    case 'zeros':
      return `${damage.length} bytes that should hold records begin with zeros`;
    case 'bad-length': {
      const left = BLOCK_SIZE - (offset % BLOCK_SIZE) - (header?.headerSize ?? 7);
      return `The length says ${header?.length} bytes, the block has room for ${left}`;
    }
    case 'unknown-type':
      return `The record has type ${header?.type}, which does not exist`;
    case 'orphan-fragment':
      return `The ${name} has no FIRST fragment before it`;
    case 'unfinished-record':
      return 'Another record begins before the last fragment of this one';
    case 'stale-record':
      return `The record belongs to log ${header?.logNumber}, records of this log follow`;
    case 'wrong-log-number':
      return `The records belong to log ${header?.logNumber}`;
    case 'mixed-headers':
      return `A recyclable ${name} follows legacy records`;
    case 'false-end':
      return `The ${name} carries the number of the next log, ${header?.logNumber}: Pebble takes it for the end of the log`;
    case 'trailer':
      return `${damage.length} bytes at the end of the block are not zero`;
    case 'zero-gap':
      return `${damage.length} zeros inside a record, where the writer had no room for a header`;
    case 'misplaced-compression':
      return 'A compression record stands after other records';
    case 'metadata':
      return `The ${name} does not decode: ${damage.detail}`;
    case 'decompression':
      return `The record does not decompress: ${damage.detail}`;
  }
}

/** `a MIDDLE fragment`, `a FULL record` and the like. */
function recordName(kind: string): string {
  const upper = kind.toUpperCase();
  return kind === 'first' || kind === 'middle' || kind === 'last' ? `${upper} fragment` : `${upper} record`;
}

async function fittingLength(source: ByteSource, damage: Damage): Promise<number | undefined> {
  const { reason, offset, length } = damage;
  if ((reason !== 'checksum' && reason !== 'bad-length') || length > BLOCK_SIZE) return undefined;
  const bytes = new Uint8Array(length);
  if ((await source.read(bytes, offset)) < length) return undefined;
  return lengthThatFits(bytes, damage, (offset + length) % BLOCK_SIZE === 0);
}

/** Shorter runs of zeros are nothing special. */
const NOTABLE_ZEROS = 64;
/** As much of long damage is looked at. */
const ZERO_SEARCH = 1 << 20;

/** The longest run of zeros in the damage: a sector or page that was never written, or was wiped. */
async function zeroRun(source: ByteSource, damage: Damage): Promise<EvidenceValue | undefined> {
  if (damage.zeroed) return { offset: damage.offset, length: damage.length };
  if (damage.length < NOTABLE_ZEROS) return undefined;
  const bytes = new Uint8Array(Math.min(damage.length, ZERO_SEARCH));
  const read = await source.read(bytes, damage.offset);
  let best = 0;
  let bestEnd = 0;
  let run = 0;
  for (let i = 0; i < read; i++) {
    run = bytes[i] === 0 ? run + 1 : 0;
    if (run > best) {
      best = run;
      bestEnd = i + 1;
    }
  }
  return best < NOTABLE_ZEROS ? undefined : { offset: damage.offset + bestEnd - best, length: best };
}
