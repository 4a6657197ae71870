import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeldRegion, Regions } from '../../../src/app/tikv/regions.js';
import type { Region } from '../../../src/app/tikv/states.js';

const key = fc
  .uint8Array({ minLength: 0, maxLength: 2 })
  .map((bytes) => Uint8Array.from(bytes, (b) => b % 4));
const peer = { id: 1n, storeId: 1n, role: 0, witness: false };
const region = fc
  .record({ startKey: key, endKey: key, version: fc.bigInt({ min: 0n, max: 3n }) })
  .filter(({ startKey, endKey }) => endKey.length === 0 || Buffer.compare(startKey, endKey) < 0);
const some = fc
  .array(region, { maxLength: 12 })
  .map((each) =>
    each.map((bounds, i): Region => ({ ...bounds, id: BigInt(i + 1), confVersion: 1n, peers: [peer] })),
  );

function regionsOf(each: readonly Region[]): Regions {
  const collector = Regions.collector();
  for (const one of each) collector.add({ state: 0, region: one });
  return collector.finish();
}

const holds = ({ startKey, endKey }: Region, at: Uint8Array) =>
  Buffer.compare(startKey, at) <= 0 && (endKey.length === 0 || Buffer.compare(at, endKey) < 0);
const ids = (each: readonly HeldRegion[]) => each.map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1));

describe('the regions of a store', () => {
  it('are found by key, the newest one where several claim it', () => {
    fc.assert(
      fc.property(some, key, (each, at) => {
        const found = regionsOf(each).at(at);
        const claims = each.filter((one) => holds(one, at));
        if (claims.length === 0) expect(found).toBeUndefined();
        else {
          expect(claims.map(({ id }) => id)).toContain(found?.id);
          expect(found?.version).toBe(
            claims
              .map(({ version }) => version)
              .sort((a, b) => Number(a - b))
              .at(-1),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are found by a range, its ends included', () => {
    fc.assert(
      fc.property(some, key, fc.option(key, { nil: undefined }), (each, from, to) => {
        const hit = each.filter(
          ({ startKey, endKey }) =>
            (to === undefined || Buffer.compare(startKey, to) <= 0) &&
            (endKey.length === 0 || Buffer.compare(from, endKey) < 0),
        );
        expect(ids(regionsOf(each).within(from, to))).toEqual(ids(hit as HeldRegion[]));
      }),
      { numRuns: 500 },
    );
  });

  it('overlap where one begins before another ends', () => {
    fc.assert(
      fc.property(some, (each) => {
        const overlaps = [...regionsOf(each).overlaps()];
        const any = each.some((a, i) =>
          each.some(
            (b, j) =>
              j > i &&
              (b.endKey.length === 0 || Buffer.compare(a.startKey, b.endKey) < 0) &&
              (a.endKey.length === 0 || Buffer.compare(b.startKey, a.endKey) < 0),
          ),
        );
        expect(overlaps.length > 0).toBe(any);
        for (const { older, newer } of overlaps) expect(newer.version >= older.version).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are not those that are gone or that a peer knows nothing of', () => {
    const collector = Regions.collector();
    const one: Region = {
      id: 1n,
      startKey: new Uint8Array(0),
      endKey: new Uint8Array(0),
      confVersion: 1n,
      version: 1n,
      peers: [peer],
    };
    collector.add({ state: 2, region: one });
    collector.add({ state: 0, region: { ...one, peers: [] } });
    expect(collector.finish().held).toEqual([]);
  });

  it('are no more than memory allows', () => {
    const collector = Regions.collector();
    const large = new Uint8Array(8 << 20);
    const states = Array.from({ length: 10 }, (_, i) => ({
      state: 0,
      region: { id: BigInt(i), startKey: large, endKey: large, confVersion: 1n, version: 1n, peers: [peer] },
    }));
    expect(states.map((state) => collector.add(state)).filter(Boolean)).toHaveLength(3);
    expect(collector.finish().partial).toBe(true);
  });
});
