import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { END, ENTRY, type EntryCursor } from '../../src/lsm/cursor.js';
import { type KeyOrder, keyOrder, trailerHigh, trailerLow } from '../../src/lsm/key-order.js';
import { MergeIterator } from '../../src/lsm/merge-iterator.js';
import { mergeOperator } from '../../src/lsm/merge-operator.js';
import { ProblemLog } from '../../src/lsm/problems.js';
import { rangeTombstone, TombstoneSweep } from '../../src/lsm/range-tombstones.js';
import { UncommittedSequences } from '../../src/lsm/uncommitted.js';
import { VisibleIterator } from '../../src/lsm/visible.js';
import type { HiddenSequences } from '../../src/recovery/outcome.js';
import { bytes, type Entry, FORWARD, HaltingCursor, memtable, REVERSE, STAMPED, text } from './entries.js';

interface Case {
  order?: KeyOrder;
  /** Point entries; `value` of a range delete is its end. */
  sources: Entry[][];
  sequence?: bigint;
  hidden?: HiddenSequences[];
  operator?: string;
  lenient?: boolean;
  byTrailer?: boolean;
  byDepth?: boolean;
}

const append = mergeOperator({ id: 'StringAppendOperator', fields: new Map() });

/** `key=value` of everything that is seen, operands that were not merged as `key=base|operand|operand`. */
async function seen({ order = FORWARD, sources, sequence = 1000n, hidden = [], ...options }: Case) {
  const tombstones = new TombstoneSweep(order, sequence, hidden, options.byDepth);
  const problems = new ProblemLog(options.lenient ?? false);
  const cursors = sources.map((entries, i) => {
    for (const { key, sequence: at, type, value } of entries) {
      if (type !== VALUE_TYPE.rangeDelete) continue;
      const [high, low] = [trailerHigh(BigInt(at)), trailerLow(BigInt(at), type)];
      const tombstone = rangeTombstone(order, bytes(key), bytes(value), high, low);
      if (tombstone !== undefined) tombstones.add({ ...tombstone, depth: i });
    }
    const points = entries.filter(({ type }) => type !== VALUE_TYPE.rangeDelete);
    return Object.assign(new HaltingCursor(memtable(order, points).cursor(), 2 + (i % 5)), { depth: i });
  });
  const visible = new VisibleIterator(new MergeIterator(order, cursors), {
    order,
    sequence,
    uncommitted: new UncommittedSequences(hidden),
    tombstones,
    mergeOperator: options.operator === 'none' ? undefined : append,
    byTrailer: options.byTrailer ?? false,
    problems,
  });
  const found: string[] = [];
  for (let step = visible.step(); step !== END; step = visible.step()) {
    if (step !== ENTRY) {
      await visible.load();
      continue;
    }
    const { unmerged } = visible;
    const value =
      unmerged === undefined
        ? text(visible.valueBytes, visible.valueFrom, visible.valueTo)
        : [unmerged.base ?? bytes('-'), ...unmerged.operands].map((part) => text(part)).join('|');
    found.push(`${text(visible.keyBytes, 0, visible.keyTo)}=${value}`);
  }
  return { found, problems, shownAgain: visible.shownAgain };
}

const put = (key: string, sequence: number, value: string): Entry => ({ key, sequence, type: 1, value });
const del = (key: string, sequence: number): Entry => ({ key, sequence, type: 0, value: '' });
const merge = (key: string, sequence: number, value: string): Entry => ({ key, sequence, type: 2, value });
const typed = (type: number, key: string, sequence: number, value: string): Entry => ({
  key,
  sequence,
  type,
  value,
});

describe('what a reader sees', () => {
  it('is what a map would hold after the same operations, at any sequence', async () => {
    const key = fc.constantFrom('a', 'b', 'ba', 'c', 'd', '');
    const operation = fc.oneof(
      { weight: 4, arbitrary: fc.record({ type: fc.constant(1), key, value: fc.string({ maxLength: 3 }) }) },
      fc.record({ type: fc.constantFrom(0, 7), key, value: fc.constant('') }),
      fc.record({ type: fc.constant(2), key, value: fc.constantFrom('x', 'y', '') }),
      fc.record({ type: fc.constant(VALUE_TYPE.rangeDelete), key, value: key }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 60 }),
        fc.constantFrom(FORWARD, REVERSE),
        fc.nat(60),
        fc.array(fc.nat(60), { maxLength: 4 }),
        async (ops, order, snapshot, cuts) => {
          const compare = (a: string, b: string) =>
            order.compareKeys(bytes(a), 0, a.length, bytes(b), 0, b.length);
          const model = new Map<string, string>();
          const sources: Entry[][] = [[], [], [], [], []];
          for (const [i, op] of ops.entries()) {
            const value = [...op.value].map((c) => String.fromCharCode(c.charCodeAt(0) & 0xff)).join('');
            // the newest source stands first
            sources[cuts.filter((cut) => cut > i).length].push({ ...op, value, sequence: i + 1 });
            if (i + 1 > snapshot) continue;
            if (op.type === 1) model.set(op.key, value);
            else if (op.type === 2)
              model.set(op.key, [...(model.has(op.key) ? [model.get(op.key)] : []), value].join(','));
            else if (op.type !== VALUE_TYPE.rangeDelete) model.delete(op.key);
            else
              for (const key of [...model.keys()])
                if (compare(op.key, key) <= 0 && compare(key, value) < 0) model.delete(key);
          }
          const want = [...model].sort(([a], [b]) => compare(a, b)).map(([k, v]) => `${k}=${v}`);
          const { found, problems } = await seen({ order, sources, sequence: BigInt(snapshot) });
          expect(found).toEqual(want);
          expect(problems.count).toBe(0);
          const likePebble = await seen({ order, sources, sequence: BigInt(snapshot), byTrailer: true });
          expect(likePebble).toMatchObject({ found: want, shownAgain: 0 });
          const byDepth = await seen({ order, sources, sequence: BigInt(snapshot), byDepth: true });
          expect(byDepth.found).toEqual(want);
        },
      ),
    );
  });

  it('merges operands with what lies under them, and no further', async () => {
    const over = [merge('k', 9, 'c'), merge('k', 8, 'b')];
    const all = async (...under: Entry[]) => (await seen({ sources: [over, under] })).found;
    expect(await all()).toEqual(['k=b,c']);
    expect(await all(put('k', 5, 'a'), put('k', 4, 'old'))).toEqual(['k=a,b,c']);
    expect(await all(del('k', 5), put('k', 4, 'old'))).toEqual(['k=b,c']);
    expect(await all(typed(0x0f, 'a', 6, 'z'), put('k', 5, 'a'))).toEqual(['k=b,c']);
    expect(await all(typed(0x18, 'k', 5, 'timed\0\0\0\0\0\0\0\0'))).toEqual(['k=timed,b,c']);
  });

  it('may see a key twice by trailers, where an operation lies in two places', async () => {
    const log = [put('j', 7, 'j'), put('k', 9, 'new'), put('k', 5, 'old')];
    const table = [put('k', 5, 'old'), put('l', 0, 'l'), put('m', 4, 'm')];
    const sources = [log, table, [put('l', 0, 'older')]];
    const pebble = await seen({ sources, byTrailer: true });
    expect(pebble.found).toEqual(['j=j', 'k=new', 'k=old', 'l=l', 'l=older', 'm=m']);
    expect(pebble.shownAgain).toBe(2);
    expect((await seen({ sources })).found).toEqual(['j=j', 'k=new', 'l=l', 'm=m']);
  });

  it('goes by where a deletion of a range stands, as RocksDB from 7.7 on, where sequences say something else', async () => {
    const range = (from: string, sequence: number, to: string) => typed(0x0f, from, sequence, to);
    // an older log over the table that it was flushed to, with a later deletion
    const log = [put('a', 1, 'a'), put('b', 2, 'b'), put('x', 3, 'x')];
    const table = [...log, put('c', 6, 'c'), put('d', 4, 'd'), range('a', 5, 'e')];
    const below = [put('a', 0, 'old'), put('d', 9, 'newer')];
    const sources = [log, table, below];
    expect((await seen({ sources, byDepth: true })).found).toEqual(['a=a', 'b=b', 'c=c', 'x=x']);
    expect((await seen({ sources })).found).toEqual(['c=c', 'd=newer', 'x=x']);
  });

  it('keeps operands apart where their operator is not known', async () => {
    const sources = [[merge('k', 9, 'c'), merge('k', 8, 'b'), put('k', 5, 'a'), put('l', 1, 'plain')]];
    expect((await seen({ sources, operator: 'none' })).found).toEqual(['k=a|b|c', 'l=plain']);
    expect((await seen({ sources: [[merge('k', 2, 'x')]], operator: 'none' })).found).toEqual(['k=-|x']);
  });

  it('is the default column of an entity, also as a base of operands', async () => {
    // version 1, two columns: "" = dv, c1 = x
    const entity = '\x01\x02\x00\x02\x02c1\x01dvx';
    // version 1, one column: c1 = x
    const bare = '\x01\x01\x02c1\x01x';
    const sources = [
      [typed(0x16, 'a', 1, entity), typed(0x16, 'b', 2, bare)],
      [typed(0x16, 'c', 3, entity), merge('c', 4, 'more'), typed(0x16, 'd', 5, bare), merge('d', 6, 'more')],
    ];
    expect((await seen({ sources })).found).toEqual(['a=dv', 'b=', 'c=dv,more', 'd=,more']);
  });

  it('shows nothing of undecided transactions, but operands that a rollback leaves', async () => {
    const hidden = [{ from: 5n, to: 7n, keepsMerges: false }];
    const sources = [
      [put('a', 5, 'new'), put('a', 2, 'old'), del('b', 6), put('b', 3, 'still'), put('c', 6, 'new')],
    ];
    expect((await seen({ sources, hidden })).found).toEqual(['a=old', 'b=still']);
    const merged = [[merge('a', 5, 'x'), put('a', 2, 'old'), put('b', 5, 'new')]];
    expect((await seen({ sources: merged, hidden })).found).toEqual(['a=old']);
    const kept = [{ from: 5n, to: 7n, keepsMerges: true }];
    expect((await seen({ sources: merged, hidden: kept })).found).toEqual(['a=old,x']);
  });

  it('is a key once, at its newest timestamp', async () => {
    const at = (stamp: number) => `${String.fromCharCode(stamp)}\0\0\0\0\0\0\0`;
    const sources = [
      [put(`a${at(3)}`, 7, 'third'), put(`a${at(1)}`, 2, 'first'), put(`b${at(2)}`, 4, 'was')],
      [typed(0x14, `b${at(5)}`, 8, ''), put(`a${at(2)}`, 5, 'second')],
    ];
    expect((await seen({ order: STAMPED, sources })).found).toEqual(['a=third']);
  });

  it('ends at a value that cannot be read, or goes on after it', async () => {
    const sources = [
      [put('a', 1, 'x'), typed(0x16, 'b', 2, '\x09'), typed(0x11, 'c', 3, 'blob'), put('d', 4, 'y')],
    ];
    const strict = await seen({ sources });
    expect(strict.found).toEqual(['a=x']);
    expect(strict.problems.kept).toMatchObject([{ message: 'Version 9 of wide-column entities is unknown' }]);
    const lenient = await seen({ sources, lenient: true });
    expect(lenient.found).toEqual(['a=x', 'd=y']);
    expect(lenient.problems.count).toBe(2);
  });
});

describe('keys that come too late', () => {
  /** A source that yields its entries as they stand. */
  const asGiven = (entries: Entry[]): EntryCursor => {
    const cursors = entries.map((entry) => memtable(FORWARD, [entry]).cursor());
    let at = 0;
    return {
      file: '000001.sst',
      get keyBytes() {
        return cursors[at - 1].keyBytes;
      },
      get keyFrom() {
        return cursors[at - 1].keyFrom;
      },
      get keyTo() {
        return cursors[at - 1].keyTo;
      },
      get high() {
        return cursors[at - 1].high;
      },
      get low() {
        return cursors[at - 1].low;
      },
      get valueBytes() {
        return cursors[at - 1].valueBytes;
      },
      get valueFrom() {
        return cursors[at - 1].valueFrom;
      },
      get valueTo() {
        return cursors[at - 1].valueTo;
      },
      step: () => (at < cursors.length ? cursors[at++].step() : END),
      load: async () => {},
      close: async () => {},
    };
  };
  const disordered = [put('a', 1, 'x'), put('c', 2, 'y'), put('b', 3, 'late'), put('d', 4, 'z')];

  async function walk(order: KeyOrder) {
    const problems = new ProblemLog(false);
    const visible = new VisibleIterator(new MergeIterator(order, [asGiven(disordered)]), {
      order,
      sequence: 1000n,
      uncommitted: new UncommittedSequences([]),
      tombstones: new TombstoneSweep(order, 1000n),
      problems,
    });
    const keys: string[] = [];
    while (visible.step() === ENTRY) keys.push(text(visible.keyBytes, 0, visible.keyTo));
    return { keys, problems };
  }

  it('are passed over as the engine passes over them, and noted', async () => {
    const { keys, problems } = await walk(FORWARD);
    expect(keys).toEqual(['a', 'c', 'd']);
    expect(problems.kept).toMatchObject([{ file: '000001.sst' }]);
  });

  it('are keys like any other where their order is an application’s own', async () => {
    const { keys, problems } = await walk(keyOrder('my.Comparator'));
    expect(keys).toEqual(['a', 'c', 'b', 'd']);
    expect(problems.count).toBe(0);
  });
});
