import { crc32c, maskCrc } from '../../src/bytes/crc32c.js';
import type { EngineVersion } from '../../src/engine/version.js';
import { comparatorNamed } from '../../src/format/sst/comparator.js';
import { openSource } from '../../src/io/source.js';
import type { FamilyState } from '../../src/recovery/family.js';
import type { RecoveryMode } from '../../src/recovery/mode.js';
import type { ReplayOutcome } from '../../src/recovery/outcome.js';
import { type ReplayInput, replay, type WalFile } from '../../src/recovery/replay.js';

/* WALs and batches put together by hand, and what replay makes of them as text. */

export const ABS: RecoveryMode = 'absolute-consistency';
export const PIT: RecoveryMode = 'point-in-time';
export const TOL: RecoveryMode = 'tolerate-corrupted-tail';
export const SKIP: RecoveryMode = 'skip-any-corrupted';

export const NEWEST: EngineVersion = { major: 11, minor: 9, patch: 0 };

const ascii = (text: string) => [...Buffer.from(text, 'latin1')];
const prefixed = (text: string) => [text.length, ...ascii(text)];

/** An operation: tag, column family id where the tag has one, short strings. */
export function op(tag: number, ...operands: (string | number)[]): number[] {
  return [
    tag,
    ...operands.flatMap((operand) => (typeof operand === 'number' ? [operand] : prefixed(operand))),
  ];
}

export const put = (key: string, value: string) => op(0x01, key, value);
export const NOOP = [0x0d];

/** A WriteBatch. `count` defaults to the operations that are not markers. */
export function batch(sequence: number | bigint, ops: number[][], count?: number): Uint8Array {
  const markers = new Set([0x03, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x12, 0x13, 0x15]);
  const body = ops.flat();
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(sequence), true);
  view.setUint32(8, count ?? ops.filter(([tag]) => !markers.has(tag)).length, true);
  bytes.set(body, 12);
  return bytes;
}

/** A physical record with a right checksum; recyclable where `log` is given. */
export function physical(type: number, payload: Uint8Array | string, log?: number): Uint8Array {
  const data = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  const header = log === undefined ? 7 : 11;
  const bytes = new Uint8Array(header + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(4, data.length, true);
  bytes[6] = type;
  if (log !== undefined) view.setUint32(7, log, true);
  bytes.set(data, header);
  view.setUint32(0, maskCrc(crc32c(bytes, 6)), true);
  return bytes;
}

export const full = (payload: Uint8Array, log?: number) => physical(log === undefined ? 1 : 5, payload, log);

export const bytesOf = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** The same bytes with one bit flipped. */
export function flipped(bytes: Uint8Array, offset: number, bit = 0): Uint8Array {
  const copy = bytes.slice();
  copy[offset] ^= 1 << bit;
  return copy;
}

/** Zeros up to the end of the 32 KiB block. */
export function padded(bytes: Uint8Array, to = Math.ceil(bytes.length / 32768) * 32768): Uint8Array {
  return bytesOf(bytes, new Uint8Array(to - bytes.length));
}

export function family(id: number, name: string, state: Partial<FamilyState> = {}): FamilyState {
  return {
    id,
    name,
    logNumber: 0n,
    comparator: comparatorNamed(undefined),
    mergeOperator: true,
    tableBytes: 0n,
    ...state,
  };
}

export function walFiles(wals: Readonly<Record<number, Uint8Array>>): WalFile[] {
  return Object.entries(wals).map(([number, bytes]) => ({
    number: BigInt(number),
    file: `${number.padStart(6, '0')}.log`,
    size: bytes.length,
    open: () => openSource({ kind: 'memory', bytes }),
  }));
}

const typeNames: Record<number, string> = {
  0: 'del',
  1: '',
  2: 'merge',
  7: 'sdel',
  15: 'range',
  20: 'delts',
  22: 'entity',
};

export interface Replayed extends ReplayOutcome {
  /** What was applied: `1 a=x`, `2 del b`, with the column family in front where it is not 0. */
  applied: string[];
}

/** Replays WALs, by number, in one mode. */
export async function replayed(
  wals: Readonly<Record<number, Uint8Array>>,
  mode: RecoveryMode,
  options: Partial<ReplayInput> = {},
): Promise<Replayed> {
  const applied: string[] = [];
  const outcome = await replay({
    mode,
    version: NEWEST,
    families: [family(0, 'default'), family(1, 'one')],
    minLogNumberToKeep: 0n,
    lastSequence: 0n,
    wals: walFiles(wals),
    policy: 'none',
    trackAndVerifyWals: false,
    paranoidChecks: true,
    sink: {
      apply: (columnFamily, sequence, type, key, value) => {
        const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
        const name = typeNames[type] ?? `0x${type.toString(16)}`;
        const target = `${columnFamily === 0 ? '' : `cf${columnFamily} `}${name}${name === '' ? '' : ' '}`;
        applied.push(`${sequence} ${target}${text(key)}${value.length > 0 ? `=${text(value)}` : ''}`);
      },
    },
    ...options,
  });
  return { ...outcome, applied };
}

/** `OK` and what was applied, or the engine's text. */
export async function verdict(
  wals: Readonly<Record<number, Uint8Array>>,
  mode: RecoveryMode,
  options: Partial<ReplayInput> = {},
): Promise<string> {
  const { error, applied } = await replayed(wals, mode, options);
  return error === undefined ? `OK ${applied.join(', ')}`.trim() : error.message;
}
