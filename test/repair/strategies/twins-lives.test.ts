import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import type { NewFile } from '../../../src/format/manifest/edit.js';
import { replayManifest } from '../../../src/format/manifest/replay.js';
import { memorySource } from '../../../src/io/source.js';
import { type FileSet, fixture } from '../../support/files.js';
import { edit } from '../../support/manifest.js';
import { applyPatches } from '../../support/patch.js';
import { batchesOf } from '../../support/rotate.js';
import { repaired } from '../../support/second-source.js';

/** The table of a fixture, and what adds it. */
async function levelDbTable(): Promise<{ table: NewFile; bytes: Uint8Array }> {
  const own = fixture('leveldb');
  const replay = await replayManifest(memorySource(own.get('MANIFEST-000002')!), { dialect: 'leveldb' });
  const [table] = replay.version.columnFamilies.get(0)!.tables.values();
  const added = { ...table, tag: 7, level: 0, unknown: [], offset: 0, length: 0 };
  return { table: added, bytes: own.get('000005.ldb')! };
}

const patched = (base: string, ...patches: string[]) => applyPatches(fixture(base), patches);

const sessionLog = (session: string, manifest: number) =>
  `create LOG "2026/11/30-02:12:34.081544 24667 DB Session ID:  ${session}\\n2026/11/30-02:12:34.082863 24667 [db/version_set.cc:5056] Creating manifest ${manifest}\\n"`;
const [session, another] = ['8TZVNYB55SLWH9NAYLIL', '8TZVNYB55SLWH9NAYLIM'];

/*
 * A stopped server is cloned, and both are started: MANIFEST and log have the same numbers, the MANIFESTs the same bytes, and the logs begin
 * the same where both write the same first. 000013.log of basic-6.17 is such a log: nothing was flushed since its MANIFEST.
 */
describe('the ends of logs', () => {
  const recycled = 'wal-recycled-11.9';

  test('what an older log left in a recycled one stays, whatever is wrong with the next', async () => {
    const put = (sequence: bigint) =>
      encodeBatch({
        sequence,
        ops: [{ kind: 'put', columnFamily: 0, key: Buffer.from('key'), value: Buffer.from('some value') }],
      });
    const damaged = new Map(fixture(recycled));
    const next = encodeLogRecords([put(1429n), put(1430n)]);
    damaged.set('000029.log', next.subarray(0, next.length - 4));
    expect((await repaired(damaged, [damaged])).after).toEqual(damaged);
  });

  test('a torn end that the source has, too, stays: a commit takes no sequence', async () => {
    // the header of a record of 200 bytes, of which 20 are there
    const damaged = await patched('basic-7.8', `append 000017.log ${'a1b2c3d4c80001'}${'07'.repeat(20)}`);
    expect((await repaired(damaged, [damaged])).after).toEqual(damaged);
  });

  test('batches of a log that is gone come back as that log, and are not put into the one before it', async () => {
    const damaged = await patched(recycled, 'remove 000023.log');
    // as of a checkpoint: the same logs, another MANIFEST
    const source = new Map(fixture(recycled));
    source.set('MANIFEST-000006', source.get('MANIFEST-000005')!);
    source.delete('MANIFEST-000005');
    source.set('CURRENT', Buffer.from('MANIFEST-000006\n'));
    const { after } = await repaired(damaged, [source]);
    for (const [file, bytes] of damaged) expect(after.get(file), file).toEqual(bytes);
    const back = after.get('000023.log');
    if (back !== undefined) expect(back).toEqual(fixture(recycled).get('000023.log'));
  });
});

test('OPTIONS whose bytes are no text are not given back', async () => {
  const own = 'basic-7.8';
  const [damaged, source] = await Promise.all([
    patched(own, 'truncate OPTIONS-000011 900'),
    patched(own, `write OPTIONS-000011 2000 ${'a5'.repeat(64)}`),
  ]);
  expect((await repaired(damaged, [fixture(own)])).after).toEqual(fixture(own));
  expect((await repaired(damaged, [source])).after).toEqual(damaged);
});

describe('a clone that went its own way', () => {
  const own = 'basic-6.17';
  const clone = () => patched(own, 'write 000013.log 0x200 "other"', 'fix-record 000013.log 0x1dd', ...later);
  /** Values of all records after it, too. */
  const later = [0x39b, 0x559, 0x717, 0x8d5, 0xa93, 0xc51, 0xe0f].flatMap((at) => [
    `write 000013.log ${at + 40} "other"`,
    `fix-record 000013.log ${at}`,
  ]);

  test.each([
    ['a log that is empty', 'truncate 000013.log 0'],
    ['a log that is gone', 'remove 000013.log'],
    ['a log that is cut between records', 'truncate 000013.log 0x1dd'],
    ['a log that is cut in a record', 'truncate 000013.log 0x300'],
    ['zeros over one record', 'zero 000013.log 0x1dd 446'],
    ['zeros over a record and a half', 'zero 000013.log 0x1dd 700'],
    ['zeros to the end', 'zero 000013.log 0x1dd 3000'],
  ])('gives nothing to %s', async (_, patch) => {
    const damaged = await patched(own, patch);
    expect((await repaired(damaged, [await clone()])).after).toEqual(damaged);
  });

  test('gives no end where nothing tells it from a copy, which is offered', async () => {
    const damaged = await patched(own, 'truncate 000013.log 0x300');
    const { after, plan } = await repaired(damaged, [fixture(own)]);
    expect(after).toEqual(damaged);
    expect(plan.remarks.join('\n')).toContain('nothing proves that its end is the one that is missing');
    const taken = await repaired(damaged, [fixture(own)], { acceptUnproven: true });
    expect(taken.after).toEqual(fixture(own));
    expect(taken.plan.unproven).toHaveLength(1);
  });

  test('gives no log of Pebble that must be here, and no OPTIONS: since it was opened nothing was flushed', async () => {
    for (const patch of ['remove 000012.log', 'truncate 000012.log 0', 'truncate OPTIONS-000014 100']) {
      const damaged = await patched('pebble-stores/cosmos', patch);
      expect((await repaired(damaged, [fixture('pebble-stores/cosmos')])).after, patch).toEqual(damaged);
    }
  });

  test('is told from a copy by the session that LOG names', async () => {
    for (const patch of ['truncate 000013.log 0', 'truncate 000013.log 0x300']) {
      const damaged = await patched(own, patch, sessionLog(session, 12));
      const whole = await patched(own, sessionLog(session, 12));
      expect((await repaired(damaged, [whole])).after, patch).toEqual(whole);
      for (const its of [sessionLog(another, 12), sessionLog(session, 11), 'create LOG ""'])
        expect((await repaired(damaged, [await patched(own, its)])).after, its).toEqual(damaged);
      // what both have of an older session
      const older = await patched(own, patch, sessionLog(session, 11));
      expect((await repaired(older, [await patched(own, sessionLog(session, 11))])).after).toEqual(older);
    }
  });

  test('gives nothing where it was created by itself, with an IDENTITY of its own', async () => {
    for (const patch of ['truncate 000019.log 300', 'truncate 000019.log 0', 'truncate 000017.log 0']) {
      const damaged = await patched('basic-7.8', patch);
      const other = await patched('basic-7.8', 'write IDENTITY 0 "0000"');
      const { after } = await repaired(damaged, [other]);
      expect([damaged.get('000019.log'), fixture('basic-7.8').get('000019.log')]).toContainEqual(
        after.get('000019.log'),
      );
      if (!patch.includes('17')) expect(after, patch).toEqual(damaged);
    }
  });

  // all else that the two wrote is the same
  const oneRecord = ['write 000013.log 0x200 "other"', 'fix-record 000013.log 0x1dd'];
  const gap = 'zero 000013.log 0x1dd 446';

  test('gives nothing between records that are the same where LOG names other sessions', async () => {
    const damaged = await patched(own, gap, sessionLog(session, 12));
    const of = (its: string) => patched(own, ...oneRecord, sessionLog(its, 12));
    expect((await repaired(damaged, [await of(another)])).after).toEqual(damaged);
  });

  test('gives nothing between records that are the same where the MANIFESTs part', async () => {
    // an edit with the next file number
    const [mine, its] = [40n, 41n].map((nextFileNumber) => {
      const record = encodeLogRecords([encodeVersionEdit(edit({ nextFileNumber }))]);
      return `append MANIFEST-000012 ${Buffer.from(record).toString('hex')}`;
    });
    const damaged = await patched(own, gap, mine);
    expect((await repaired(damaged, [await patched(own, ...oneRecord, its)])).after).toEqual(damaged);
    const whole = await patched(own, mine);
    expect((await repaired(damaged, [whole])).after).toEqual(whole);
  });

  test('gives nothing between batches of LevelDB that stand in a log of another number', async () => {
    const log = '000004.log';
    const files = fixture('leveldb');
    const batches = await batchesOf(files.get(log)!);
    const [first, second] = batches;
    const damaged = await applyPatches(files, [`zero ${log} ${first.length + 7} ${second.length + 7}`]);
    const source = new Map(fixture('leveldb'));
    source.set('000009.log', source.get(log)!);
    source.delete(log);
    expect((await repaired(damaged, [source])).after).toEqual(damaged);
    expect((await repaired(damaged, [fixture('leveldb')])).after).toEqual(fixture('leveldb'));
  });

  test('is not what a log is from which a record is gone', async () => {
    const log = '000004.log';
    const [whole, damaged] = [fixture('leveldb'), fixture('leveldb')];
    const batches = await batchesOf(whole.get(log)!);
    damaged.set(log, encodeLogRecords(batches.filter((_, i) => i !== 3)));
    expect((await repaired(damaged, [whole])).after).toEqual(whole);
  });

  test('does not stand in the way of what lies between records that are the same', async () => {
    const damaged = await patched(own, 'zero 000013.log 0x1dd 446');
    expect((await repaired(damaged, [fixture(own)])).after).toEqual(fixture(own));
  });
});

/*
 * Tables of LevelDB and Pebble have no ids. What two clones wrote since they were started can have the same numbers, sizes, bounds and
 * sequences, so that their MANIFESTs are the same byte for byte.
 */
describe('of engines whose tables have no ids', () => {
  const value = ['write 000005.sst 0x258 "other"', 'fix-block 000005.sst 0x242 687'];

  test('nothing is given by a life that a whole file tells from this one', async () => {
    const own = 'pebble-stores/valueblocks';
    for (const patch of ['remove 000007.sst', 'truncate 000007.sst 0', 'remove 000006.log']) {
      const damaged = await patched(own, patch);
      expect((await repaired(damaged, [fixture(own)])).after, patch).toEqual(fixture(own));
      expect((await repaired(damaged, [await patched(own, ...value)])).after, patch).toEqual(damaged);
    }
    const edit = await patched(own, 'zero MANIFEST-000001 0x32 56');
    expect((await repaired(edit, [fixture(own)])).after).toEqual(fixture(own));
    const otherEdit = ['write MANIFEST-000001 0x3f 9e', 'fix-record MANIFEST-000001 0x32'];
    expect((await repaired(edit, [await patched(own, ...value, ...otherEdit)])).after).toEqual(edit);
    // but what the checksum proves that is left
    const zeros = await patched(own, 'zero 000007.sst 20 60');
    expect((await repaired(zeros, [await patched(own, ...value)])).after).toEqual(fixture(own));
  });

  test('a table is given back that is older than another one which is the same, where the two part later', async () => {
    const own = 'pebble-stores/virtual';
    const other = await patched(own, 'write 000013.log 0x90 "zz"', 'fix-record 000013.log 0');
    for (const patch of ['remove 000005.sst', 'remove 000006.sst']) {
      const damaged = await patched(own, patch);
      expect((await repaired(damaged, [other])).after, patch).toEqual(fixture(own));
    }
    const damaged = await patched(own, 'truncate OPTIONS-000003 100');
    expect((await repaired(damaged, [other])).after).toEqual(damaged);
  });

  /** LevelDB opened it again: what its log held is a table now, and its MANIFEST and its log are others. */
  async function reopened(letter: string): Promise<FileSet> {
    const { table, bytes } = await levelDbTable();
    const edits = [
      edit({ comparator: 'leveldb.BytewiseComparator' }),
      edit({
        logNumber: 8n,
        previousLogNumber: 0n,
        nextFileNumber: 9n,
        lastSequence: 50n,
        newFiles: [{ ...table, number: 7n }],
      }),
    ];
    const batches = [51n, 52n, 53n].map((sequence) =>
      encodeBatch({
        sequence,
        ops: [
          {
            kind: 'put',
            columnFamily: 0,
            key: Buffer.from(`key ${sequence}`),
            value: Buffer.from(letter.repeat(90)),
          },
        ],
      }),
    );
    return new Map<string, Uint8Array>([
      ['CURRENT', Buffer.from('MANIFEST-000006\n')],
      ['MANIFEST-000006', encodeLogRecords(edits.map((each) => encodeVersionEdit(each)))],
      ['000007.ldb', bytes],
      ['000008.log', encodeLogRecords(batches)],
    ]);
  }

  test('a log of LevelDB is not given back by what an open made of the log before it', async () => {
    const [own, other] = [await reopened('a'), await reopened('b')];
    for (const patch of ['remove 000008.log', 'truncate 000008.log 0', 'truncate 000008.log 150']) {
      const damaged = await applyPatches(new Map(own), [patch]);
      expect((await repaired(damaged, [other])).after, patch).toEqual(damaged);
      const line = (time: string) => `create LOG "2026/11/30-10:06:57.${time} 139872 Recovering log #4\\n"`;
      const withLog = (files: FileSet, time: string) => applyPatches(new Map(files), [line(time)]);
      const known = await withLog(damaged, '123456');
      const whole = await withLog(own, '123456');
      expect((await repaired(known, [await withLog(own, '123457')])).after, patch).toEqual(known);
      if (!patch.startsWith('remove')) expect((await repaired(known, [whole])).after, patch).toEqual(whole);
    }
  });
});

describe('the end of a blob file', () => {
  test.each(['truncate 000010.blob end-200', 'zero 000010.blob end-200 200'])(
    'is taken where the source names the same file, and left where nothing does: %s',
    async (patch) => {
      const own = fixture('blob-7.8');
      const others = [...own.keys()].filter((name) => /sst$|^MANIFEST|^CURRENT/.test(name));
      const damaged = await patched('blob-7.8', patch);
      expect((await repaired(damaged, [own])).after).toEqual(own);
      const source = await patched('blob-7.8', ...others.map((name) => `remove ${name}`));
      expect((await repaired(damaged, [source])).after).toEqual(damaged);
    },
  );
});

describe('an OPTIONS file', () => {
  test.each([
    ['that is damaged in the source, too', 'zero OPTIONS-000011 400 64'],
    ['that says something else in the source before its end', 'write OPTIONS-000011 400 "7"'],
  ])('%s is left', async (_, patch) => {
    const damaged = await patched('basic-7.8', 'truncate OPTIONS-000011 900');
    expect((await repaired(damaged, [await patched('basic-7.8', patch)])).after).toEqual(damaged);
  });

  test('is left where the source has bytes that no text has', async () => {
    for (const patch of ['write OPTIONS-000011 400 a5a5', 'write OPTIONS-000011 400 0001']) {
      const damaged = await patched('basic-7.8', 'truncate OPTIONS-000011 0');
      expect((await repaired(damaged, [await patched('basic-7.8', patch)])).after, patch).toEqual(damaged);
    }
  });
});

test('an OPTIONS file of Pebble is left where the source has bytes that no text has, in a name or a head', async () => {
  const own = 'pebble-stores/valueblocks';
  const damaged = await patched(own, 'append OPTIONS-000003 78780a');
  expect((await repaired(damaged, [fixture(own)])).after).toEqual(fixture(own));
  const text = Buffer.from(fixture(own).get('OPTIONS-000003')!).toString('latin1');
  for (const place of ['comparer', '[Level "0"]', 'block_size']) {
    const source = await patched(own, `write OPTIONS-000003 ${text.indexOf(place) + 2} a5a5`);
    expect((await repaired(damaged, [source])).after, place).toEqual(damaged);
  }
});

describe('the end of the newest log', () => {
  test.each([
    ['cut', 'truncate 000019.log 300'],
    ['empty', 'truncate 000019.log 0'],
  ])('that is %s may have been further than in the copy, and the plan says so', async (_, patch) => {
    const { plan } = await repaired(await patched('basic-7.8', patch), [fixture('basic-7.8')]);
    expect(plan.remarks.join('\n')).toMatch(
      /000019\.log may have been longer than \S+000019\.log, last written 20[^:]+:\d\d:\d\dZ: what was written to it after the copy was made is not in it/,
    );
  });

  test('is what the next log goes on from, and then nothing is said', async () => {
    for (const patch of ['truncate 000017.log 200', 'truncate 000017.log 0', 'zero 000019.log 0x80 20']) {
      const { plan, after } = await repaired(await patched('basic-7.8', patch), [fixture('basic-7.8')]);
      expect(after).toEqual(fixture('basic-7.8'));
      expect(plan.remarks.join('\n'), patch).not.toContain('may have been longer');
    }
  });
});

/** A record of 000019.log of basic-7.8, two puts: its count at 0x88, a tag at 0x8c, the length of a key at 0x8e, the key behind it. */
describe('a batch that holds its checksum and that nothing writes', () => {
  const fixed = 'fix-record 000019.log 0x79';
  const lies: [string, string][] = [
    ['a count that is too large', 'write 000019.log 0x88 05'],
    ['a count that is too small', 'write 000019.log 0x88 01'],
    ['an unknown tag', 'write 000019.log 0x8c 7f'],
    ['a length that leads beyond its end', 'write 000019.log 0x8e 7f'],
  ];
  /** The same logs under other numbers and without a MANIFEST: nothing tells a life. */
  const unnumbered = ['remove MANIFEST-000005', 'remove CURRENT', 'move 000019.log 000029.log'];
  const source = (...patches: string[]) => patched('basic-7.8', ...patches, ...unnumbered);

  test.each(lies)(
    'is what a source has under its sequence, with the same keys and values: %s',
    async (_, lie) => {
      const { after, plan } = await repaired(await patched('basic-7.8', lie, fixed), [await source()]);
      expect(after).toEqual(fixture('basic-7.8'));
      expect(plan.steps[0].changes[0].detail).toContain('the keys and values are the same here and there');
    },
  );

  test.each(lies)(
    'is left where the source has another key, another value, or the same fault: %s',
    async (_, lie) => {
      const damaged = await patched('basic-7.8', lie, fixed);
      for (const other of [
        await source('write 000019.log 0x8f "P"', fixed),
        await source('write 000019.log 0xe4 "P"', fixed),
        await source(lie, fixed),
        // another sequence
        await source('write 000019.log 0x80 37', fixed),
      ])
        expect((await repaired(damaged, [other])).after).toEqual(damaged);
    },
  );

  test('is left where a key or a value here was changed, too', async () => {
    for (const at of ['0x8f', '0xe4']) {
      const damaged = await patched(
        'basic-7.8',
        'write 000019.log 0x88 05',
        `write 000019.log ${at} "P"`,
        fixed,
      );
      expect((await repaired(damaged, [await source()])).after, at).toEqual(damaged);
    }
  });
});

test('no record that holds is given up for another one', async () => {
  // of the source two records differ: the one that is damaged here, and one before it that holds here
  for (const damage of [
    'zero 000019.log 0x269 145',
    'zero 000019.log 0x269 200',
    'zero 000019.log 0x260 300',
    'truncate 000019.log 0x270',
  ]) {
    const other = await patched(
      'basic-7.8',
      'write 000019.log 0x2f6 "P"',
      'fix-record 000019.log 0x269',
      'write 000019.log 0xe4 "P"',
      'fix-record 000019.log 0x79',
    );
    const damaged = await patched('basic-7.8', damage);
    const { after, plan } = await repaired(damaged, [other]);
    expect(after, damage).toEqual(damaged);
    expect(plan.remarks.join('\n'), damage).toMatch(/holds its checksum|hold their checksums/);
  }
});

/** Databases that hold nothing but logs: no table tells a life. */
describe('a log between two that are the same', () => {
  const put = (sequence: number, value: string) =>
    encodeBatch(
      {
        sequence: BigInt(sequence),
        ops: [
          { kind: 'put', columnFamily: 0, key: Buffer.from(`key${sequence}`), value: Buffer.from(value) },
        ],
      },
      'leveldb',
    );
  const log = (from: number, to: number, value = 'some value') =>
    encodeLogRecords(Array.from({ length: to - from }, (_, i) => put(from + i, value)));
  const database = (logs: Record<string, Uint8Array>): FileSet => {
    const files: FileSet = new Map(Object.entries(logs));
    files.set('CURRENT', Buffer.from('MANIFEST-000002\n'));
    files.set('MANIFEST-000002', manifest);
    files.set('LOCK', new Uint8Array(0));
    return files;
  };
  // comparator, log number 3, next file number 4, last sequence 0
  const manifest = encodeLogRecords([
    Buffer.concat([
      Buffer.from([1, 26]),
      Buffer.from('leveldb.BytewiseComparator'),
      Buffer.from([2, 3, 9, 0, 3, 4, 4, 0]),
    ]),
  ]);
  const clean = () =>
    database({ '000003.log': log(1, 9), '000004.log': log(9, 17), '000005.log': log(17, 25) });

  test.each([
    ['gone', 'remove 000004.log'],
    ['empty', 'truncate 000004.log 0'],
    ['cut', 'truncate 000004.log 100'],
    ['the first, and gone', 'remove 000003.log'],
  ])('is given back: %s', async (_, patch) => {
    const { after, plan } = await repaired(await applyPatches(clean(), [patch]), [clean()]);
    expect(after).toEqual(clean());
    expect(plan.remarks.join('\n')).not.toContain('may have been longer');
  });

  test.each([
    ['the one before it is another', { '000003.log': log(1, 9, 'fine value') }],
    ['the one after it is another', { '000005.log': log(17, 25, 'fine value') }],
    ['it has fewer sequences', { '000004.log': log(9, 15) }],
  ])('is not given back where %s', async (_, other) => {
    const source = new Map([...clean(), ...Object.entries(other)]);
    const damaged = await applyPatches(clean(), ['remove 000004.log']);
    expect((await repaired(damaged, [source])).after).toEqual(damaged);
  });

  test('of which nothing follows is not given back', async () => {
    for (const patch of ['remove 000005.log', 'truncate 000005.log 0', 'truncate 000005.log 100']) {
      const damaged = await applyPatches(clean(), [patch]);
      expect((await repaired(damaged, [clean()])).after, patch).toEqual(damaged);
    }
  });
});

/** Tables of LevelDB have no ids: one that came before the MANIFEST is in every clone. */
test('a table that came after the MANIFEST is given back where one of its time is the same, and not for an older one', async () => {
  const name = (number: number) => `${String(number).padStart(6, '0')}.ldb`;
  const { table, bytes } = await levelDbTable();
  const edits = [
    edit({ comparator: 'leveldb.BytewiseComparator' }),
    ...[3, 6, 8].map((number) =>
      edit({
        logNumber: 5n,
        previousLogNumber: 0n,
        nextFileNumber: 9n,
        lastSequence: 1000n,
        newFiles: [{ ...table, number: BigInt(number) }],
      }),
    ),
  ];
  const clean: FileSet = new Map([
    ['CURRENT', Buffer.from('MANIFEST-000004\n')],
    ['MANIFEST-000004', Buffer.from(encodeLogRecords(edits.map(encodeVersionEdit)))],
    ['LOCK', new Uint8Array(0)],
    ...[3, 6, 8].map((number): [string, Uint8Array] => [name(number), bytes]),
  ]);
  const other = (number: number) => [`write ${name(number)} 32 64`, `fix-block ${name(number)} 0 0x252`];
  const gone = await applyPatches(new Map(clean), [`remove ${name(8)}`]);
  expect((await repaired(gone, [clean])).after).toEqual(clean);
  const clone = await applyPatches(new Map(clean), [...other(6), ...other(8)]);
  expect((await repaired(gone, [clone])).after).toEqual(gone);
  expect((await repaired(gone, [await applyPatches(new Map(clean), other(6))])).after).toEqual(gone);
  // one that is older than the MANIFEST both have of the time before
  const older = await applyPatches(new Map(clean), [`remove ${name(3)}`]);
  expect((await repaired(older, [clean])).after).toEqual(clean);
});
