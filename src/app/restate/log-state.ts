// The state of a local loglet (crates/bifrost providers/local_loglet/log_state.rs), whole or as operands of a merge:
//
//   codec u8 (2, FlexBuffers) | length u32, little-endian | a FlexBuffer
//   whole      { release_pointer, trim_point, seal, sealed }
//   operand    { updates: [ { ReleasePointer: n } | { TrimPoint: n } | "Seal" ] }
import { Cursor } from '../../bytes/cursor.js';
import { decodeFlexBuffer, type FlexValue } from './flexbuffers.js';

interface LogState {
  /** The last record that was written according to this value; 0 where it does not say. */
  released: bigint;
  trimPoint: bigint;
  sealed: boolean;
}

const FLEXBUFFERS = 2;

/** A whole state, or what an operand changes of one. `undefined` for what is neither. */
export function decodeLogState(bytes: Uint8Array): LogState | undefined {
  const cursor = new Cursor(bytes);
  if (cursor.u8() !== FLEXBUFFERS || cursor.u32() !== cursor.remaining) return undefined;
  const value = decodeFlexBuffer(bytes.subarray(bytes.length - cursor.remaining));
  if (!(value instanceof Map)) return undefined;
  const updates = value.get('updates');
  if (updates === undefined)
    return stateOf(value.get('release_pointer'), value.get('trim_point'), value.get('sealed') === true);
  if (!Array.isArray(updates)) return undefined;
  return mergedLogState(updates.map(changeOf));
}

function changeOf(update: FlexValue): LogState | undefined {
  if (update === 'Seal') return stateOf(0n, 0n, true);
  if (!(update instanceof Map) || update.size !== 1) return undefined;
  return stateOf(update.get('ReleasePointer') ?? 0n, update.get('TrimPoint') ?? 0n, false);
}

function stateOf(released: FlexValue, trimPoint: FlexValue, sealed: boolean): LogState | undefined {
  return typeof released === 'bigint' && typeof trimPoint === 'bigint'
    ? { released, trimPoint, sealed }
    : undefined;
}

/** Restate's own merge: both pointers only move forward. `undefined` where one of them does not decode. */
export function mergedLogState(states: readonly (LogState | undefined)[]): LogState | undefined {
  const merged: LogState = { released: 0n, trimPoint: 0n, sealed: false };
  for (const state of states) {
    if (state === undefined) return undefined;
    if (state.released > merged.released) merged.released = state.released;
    if (state.trimPoint > merged.trimPoint) merged.trimPoint = state.trimPoint;
    merged.sealed ||= state.sealed;
  }
  return merged;
}
