import path from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { withDatabase } from '../support/database.js';

/* How often a dry run opens files: for the scan, for all of the plan and its proof, and for the hash that binds the plan to them. */

const opened = vi.hoisted(() => new Map<string, number>());
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const open: typeof fs.open = (file, ...rest) => {
    opened.set(String(file), (opened.get(String(file)) ?? 0) + 1);
    return fs.open(file, ...rest);
  };
  return { ...fs, open };
});

const damage = ['flip 000017.log 0x460.3', 'flip 000017.log 0x462.0', 'flip 000017.log 0x463.5'];
const methods: [string, RepairOptions['way'], string][] = [
  ['--mode skip-any-corrupted', { mode: 'skip-any-corrupted' }, 'planned'],
  ['--mode point-in-time --accept-hole', { mode: 'point-in-time', acceptHole: true }, 'planned'],
  ['--strategy salvage', { strategy: 'salvage' }, 'planned'],
  ['--strategy heal', { strategy: 'heal' }, 'nothing-to-do'],
  ['--strategy auto', { strategy: 'auto' }, 'refused'],
];

describe('a dry run opens', () => {
  beforeEach(() => opened.clear());

  it.each(methods)('%s: a damaged WAL four times at most, a table twice', async (_, way, state) => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const request = { way, destination: { kind: 'dry-run' as const }, tool: 'test', jobs: 1 };
      const { repair } = await repairTarget(dir, request, { confirm: async () => false });
      expect(repair?.state).toBe(state);
      const times = (name: string) => opened.get(path.join(dir, name)) ?? 0;
      expect(times('000017.log')).toBeGreaterThanOrEqual(2);
      expect(times('000017.log')).toBeLessThanOrEqual(4);
      for (const table of ['000014.sst', '000016.sst', '000020.sst']) expect(times(table)).toBe(2);
    });
  });
});
