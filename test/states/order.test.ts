import { expect, it } from 'vitest';
import { emptyVersion } from '../../src/format/manifest/apply.js';
import type { LiveTable } from '../../src/format/manifest/version.js';
import type { InventoryEntry } from '../../src/io/inventory.js';
import { orderStates } from '../../src/states/order.js';
import type { State } from '../../src/states/state.js';

const manifest = { file: 'MANIFEST-000095', place: 'database' } as InventoryEntry;
const tables = (...numbers: number[]) => numbers.map((number) => ({ number: BigInt(number) }) as LiveTable);

/** A state with a hole: some of its tables are gone. */
function holed(origin: State['origin'], missing: LiveTable[], entries: number): State {
  const known = {
    ...{ origin, missing, entries, current: origin.kind === 'manifest', complete: false, whole: true },
    ...{ version: emptyVersion(), lastSequence: 90n, gaps: [], unheld: [], wals: [], doubtful: 0 },
  };
  return known as unknown as State;
}

const named = holed({ kind: 'manifest', manifest }, tables(18, 39, 84, 91), 1596);
const extended = (unaccounted: LiveTable[], entries: number) =>
  holed(
    { kind: 'extended', manifest, tables: tables(101, 103), replaced: tables(39, 84, 91), unaccounted },
    tables(18),
    entries,
  );

it('puts newer tables before an older MANIFEST that leads to the same sequence with more tables gone', () => {
  const fuller = extended(tables(84), 2145);
  expect(orderStates([named, fuller])).toEqual([fuller, named]);
});

it('puts a whole state before one with a hole that keeps no more, whatever a third one holds', () => {
  const other = { file: 'MANIFEST-000110', place: 'database' } as InventoryEntry;
  const whole = { ...holed({ kind: 'manifest', manifest: other }, [], 761), complete: true, current: false };
  const cut = holed({ kind: 'edits', manifest: other, end: 1793, outlived: false }, [], 713);
  const gaps = [{ from: 50n, to: 50n }];
  const fuller = { ...extended([], 2449), gaps };
  expect(orderStates([cut, fuller, whole])).toEqual([whole, cut, fuller]);
});

it('puts a whole state before an older MANIFEST that knows fewer column families and more of whose writes nothing holds', () => {
  const gaps = [{ from: 1n, to: 40n }];
  const older = { ...named, gaps, ignored: [{ id: 1, operations: 401 }] };
  const whole = {
    ...extended([], 766),
    missing: [],
    complete: true,
    gaps: [{ from: 50n, to: 50n }],
    ignored: [],
  };
  expect(orderStates([older, whole])).toEqual([whole, older]);
  expect(orderStates([{ ...older, ignored: [] }, whole])[0].origin.kind).toBe('manifest');
});

it('stays with the MANIFEST where the tables keep less, or account for none of what is gone', () => {
  const less = extended(tables(84), 1500);
  expect(orderStates([named, less])).toEqual([named, less]);
  const guessed = extended(tables(39, 84, 91), 2145);
  expect(orderStates([named, guessed])).toEqual([named, guessed]);
});
