import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { emptyEdit, type VersionEdit } from '../../src/format/manifest/edit.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { repaired, rewriteManifest, shown } from '../support/pebble.js';

type Store = 'columns-v5' | 'cosmos' | 'rangekeys' | 'valueblocks' | 'virtual';

/** Repairs a store that was damaged; hands over what it showed when it was whole. */
async function mended(store: Store, damage: (dir: string) => unknown) {
  return withDatabase(`pebble-stores/${store}`, [], async (dir) => {
    const whole = await shown(dir);
    await damage(dir);
    const before = readFileSet(dir);
    const { repair, plan, findings } = await repaired(dir);
    const after = await shown(dir);
    const errors = findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
    if (repair?.journal !== undefined) {
      await undoRepair(repair.journal);
      expect(readFileSet(dir)).toEqual(before);
    }
    return { repair, plan, whole, after, errors };
  });
}

const edits = (change: (all: VersionEdit[]) => void) => (dir: string) => rewriteManifest(dir, change);
const namesOf = (dir: string, pattern: RegExp) => readdirSync(dir).filter((name) => pattern.test(name));
const remove = (dir: string, pattern: RegExp) => {
  for (const name of namesOf(dir, pattern)) rmSync(`${dir}/${name}`);
};
const optionsOf = (dir: string, change: (text: string) => string) => {
  const [name] = namesOf(dir, /^OPTIONS/);
  writeFileSync(`${dir}/${name}`, change(readFileSync(`${dir}/${name}`, 'latin1')), 'latin1');
};

describe('a MANIFEST whose edits are whole and cannot be right', () => {
  it.each<[string, Store, (dir: string) => unknown, RegExp]>([
    [
      'leaves out a log that no table holds',
      'rangekeys',
      edits((all) => all.push({ ...emptyEdit(), logNumber: 40n })),
      /no table holds what 000006\.log does/,
    ],
    [
      'replays a log that tables hold',
      'valueblocks',
      edits((all) => all.push({ ...emptyEdit(), logNumber: 4n })),
      /tables hold what 000004\.log does/,
    ],
    [
      'ends before it names a table',
      'valueblocks',
      edits((all) => {
        all.length = 2;
      }),
      /no edit of MANIFEST-000001 names 000005\.sst/,
    ],
    [
      'names a flush on level 6',
      'valueblocks',
      edits((all) => {
        for (const { newFiles } of all) for (const file of newFiles) file.level = 6;
      }),
      /flush, which writes to level 0/,
    ],
    [
      'moves a table and leaves it on its old level, too',
      'cosmos',
      edits((all) => {
        const file = all.flatMap(({ newFiles }) => newFiles).find(({ number }) => number === 10n)!;
        file.level = 5;
        all.push({ ...emptyEdit(), newFiles: [{ ...file, level: 6 }] });
      }),
      /moves table 10 from level 5 to 6 and does not take it/,
    ],
    [
      'puts a table below an older one that it overlaps, too',
      'columns-v5',
      edits((all) => {
        const file = all.flatMap(({ newFiles }) => newFiles).find(({ number }) => number === 7n)!;
        all.push({ ...emptyEdit(), newFiles: [{ ...file, level: 5 }] });
      }),
      /puts table 7, which stands on level 0, on level 5, too, where table 5 does not let it be/,
    ],
    [
      'has another comparer than OPTIONS and the tables',
      'cosmos',
      edits(([first]) => {
        first.comparator = 'acme.CaseFold';
      }),
      /the one that the tables and OPTIONS have \(leveldb\.BytewiseComparator\)/,
    ],
  ])('%s: %s', async (_, store, damage, why) => {
    const { repair, plan, whole, after, errors } = await mended(store, damage);
    expect(repair?.reason).toBeUndefined();
    expect(plan?.steps.map((step) => step.why).join()).toMatch(why);
    expect([errors, after]).toEqual([[], whole]);
  });

  it('is left alone where the log that is left out does not begin where the tables end', async () => {
    const { repair } = await mended('rangekeys', async (dir) => {
      await rewriteManifest(dir, (all) => all.push({ ...emptyEdit(), logNumber: 40n }));
      writeFileSync(`${dir}/000006.log`, readFileSync(`${dir}/000006.log`).fill(0, 0, 32));
    });
    expect(repair?.state).not.toBe('repaired');
  });
});

describe('what names the MANIFEST, and more', () => {
  it('says what the first log held where it is gone along with CURRENT', async () => {
    const { repair, plan, errors } = await mended('cosmos', (dir) => remove(dir, /^CURRENT$|\.log$/));
    expect(repair?.reason).toBeUndefined();
    expect(plan?.loss).toEqual([
      { file: '000012.log', detail: 'all that this log held: the file is gone', facts: {} },
    ]);
    expect(errors).toEqual([]);
  });

  it('leaves out the logs that follow a first one which is gone', async () => {
    const { plan, errors } = await mended('virtual', (dir) => remove(dir, /^000004\.log$/));
    expect(plan?.loss.map(({ file }) => file)).toContain('000004.log');
    expect(plan?.steps.map(({ action, file }) => `${action} ${file}`)).toEqual(
      expect.arrayContaining(['remove 000012.log', 'remove 000013.log']),
    );
    expect(errors).toEqual([]);
  });

  it('keeps to the newest MANIFEST where its log is gone and that of an older one is here', async () => {
    const { repair, plan } = await mended('cosmos', (dir) => {
      rmSync(`${dir}/000012.log`);
      writeFileSync(`${dir}/000008.log`, '');
    });
    expect(repair?.reason).toBeUndefined();
    expect(plan?.steps.map(({ file }) => file)).not.toContain('CURRENT');
  });

  it('names the newest MANIFEST where an older one is named, and both have all their files', async () => {
    const { plan, whole, after } = await mended('cosmos', async (dir) => {
      await rewriteManifest(dir, (all) => all.push({ ...emptyEdit(), nextFileNumber: 20n }));
      writeFileSync(`${dir}/CURRENT`, 'MANIFEST-000006\n');
      writeFileSync(`${dir}/000008.log`, '');
    });
    expect(plan?.steps.map(({ file }) => file)).toEqual(['CURRENT']);
    expect(after).toBe(whole);
  });

  it('keeps to the MANIFEST whose log is here where an edit of it cannot be read', async () => {
    const { plan, whole, after } = await mended('cosmos', (dir) => {
      const file = `${dir}/MANIFEST-000013`;
      const [first, ...others] = recordsOf(readFileSync(file));
      writeFileSync(file, encodeLogRecords([Buffer.concat([first, Uint8Array.of(99, 0)]), ...others]));
    });
    expect(plan?.steps.map(({ file }) => file)).toEqual(['MANIFEST-000013']);
    expect(after).toBe(whole);
  });
});

describe('logs under each other’s names', () => {
  it('change places', async () => {
    const { plan, whole, after, errors } = await mended('virtual', (dir) => {
      const [a, b] = [`${dir}/000004.log`, `${dir}/000013.log`].map((file) => readFileSync(file));
      writeFileSync(`${dir}/000004.log`, b);
      writeFileSync(`${dir}/000013.log`, a);
    });
    expect(plan?.loss).toEqual([]);
    expect(plan?.steps.map(({ file }) => file).sort()).toEqual(['000004.log', '000013.log']);
    expect([errors, after]).toEqual([[], whole]);
  });
});

/** The payloads of legacy records that fit into a block. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at + 7 <= bytes.length; ) {
    const length = bytes[at + 4] | (bytes[at + 5] << 8);
    records.push(bytes.slice(at + 7, at + 7 + length));
    at += 7 + length;
  }
  return records;
}

describe('a directory of logs without a MANIFEST', () => {
  const toLogs = (dir: string, logs: RegExp) => {
    for (const name of namesOf(dir, /^MANIFEST|\.sst$|\.log$/))
      if (!logs.test(name)) rmSync(`${dir}/${name}`);
  };

  /** A log with one put under a sequence. */
  const log = (sequence: number) =>
    encodeLogRecords([
      Uint8Array.of(sequence, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0x60 + sequence, 1, 0x76),
    ]);

  it('gets one where the logs hold every sequence from the first', async () => {
    await withDatabase('pebble', [], async (dir) => {
      writeFileSync(`${dir}/000002.log`, log(10));
      writeFileSync(`${dir}/000004.log`, log(11));
      const { repair, plan } = await repaired(dir);
      expect(repair?.reason).toBeUndefined();
      expect(plan?.loss).toEqual([]);
      expect(await shown(dir)).toMatch(/^2 /);
    });
  });

  it('is refused where sequences are missing between them', async () => {
    await withDatabase('pebble', [], async (dir) => {
      writeFileSync(`${dir}/000002.log`, log(10));
      writeFileSync(`${dir}/000004.log`, log(12));
      const { repair } = await repaired(dir);
      expect(repair?.reason).toMatch(/000004\.log begins at sequence 12, and nothing holds those from 11 on/);
    });
  });

  it('gets one where it is new and its first log is empty', async () => {
    await withDatabase('pebble', [], async (dir) => {
      writeFileSync(`${dir}/000002.log`, '');
      expect((await repaired(dir)).repair?.state).toBe('repaired');
      expect(await shown(dir)).toMatch(/^0 /);
    });
  });

  it('is refused where the first log is one of later', async () => {
    const { repair } = await mended('valueblocks', (dir) => toLogs(dir, /^000006\.log$/));
    expect(repair?.state).toBe('refused');
    expect(repair?.reason).toMatch(/000006\.log begins at sequence \d+, and nothing holds those from 10 on/);
  });

  it('is refused where nothing says the order of keys', async () => {
    const { repair } = await mended('valueblocks', (dir) => {
      toLogs(dir, /\.log$/);
      remove(dir, /^OPTIONS/);
    });
    expect(repair?.reason).toMatch(/no OPTIONS file/);
  });
});

describe('an OPTIONS file that Pebble refuses', () => {
  it.each<[string, Store, (dir: string) => void]>([
    [
      'a line without an equals sign',
      'cosmos',
      (dir) => optionsOf(dir, (text) => text.replace('cleaner=', 'cleaner}')),
    ],
    [
      'cut in a line',
      'cosmos',
      (dir) => optionsOf(dir, (text) => text.slice(0, text.indexOf('comparer=') + 4)),
    ],
    ['zeros', 'valueblocks', (dir) => optionsOf(dir, (text) => '\0'.repeat(text.length))],
    [
      'another comparer',
      'cosmos',
      (dir) => optionsOf(dir, (text) => text.replace(/comparer=.*/, 'comparer=acme.Other')),
    ],
    [
      'another merger',
      'cosmos',
      (dir) => optionsOf(dir, (text) => text.replace(/merger=.*/, 'merger=acme.Add')),
    ],
    [
      'one of another database beside its own',
      'valueblocks',
      (dir) =>
        writeFileSync(
          `${dir}/OPTIONS-000950`,
          '[Version]\n  pebble_version=0.1\n\n[Options]\n  comparer=acme.Other\n',
        ),
    ],
  ])('%s', async (_, store, damage) => {
    const { repair, plan, whole, after, errors } = await mended(store, damage);
    expect(repair?.reason).toBeUndefined();
    expect(plan?.steps.map(({ file }) => file)).toEqual([expect.stringMatching(/^OPTIONS-/)]);
    expect([errors, after]).toEqual([[], whole]);
  });

  it('and a MANIFEST that say two orders are both left alone without a table', async () => {
    const { repair } = await mended('valueblocks', async (dir) => {
      remove(dir, /\.sst$/);
      optionsOf(dir, (text) => text.replace(/comparer=.*/, 'comparer=acme.Other'));
      await rewriteManifest(dir, (all) => {
        all.length = 2;
      });
    });
    expect(repair?.reason).toMatch(/no table is here that tells which is right/);
  });
});

describe('a MANIFEST that ends before tables went into one that a compaction made, all of whose sequences are 0', () => {
  it.each([
    ['values', 'truncate MANIFEST-000001 500', /values stand in blob files/],
    ['columns', 'truncate MANIFEST-000112 209', /merges or single deletions/],
  ])('is not left as it is: %s', async (store, patch, reason) => {
    await withDatabase(`pebble-stores/${store}`, [patch], async (dir) => {
      const { repair } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'refused', reason: expect.stringMatching(reason) });
    });
  });
});

it('a log is not taken for flushed because an ingested table, which has gone into another one since, has a later sequence', async () => {
  await withDatabase('pebble-stores/ingested', [], async (dir) => {
    const { repair, findings } = await repaired(dir);
    expect(repair).toMatchObject({ state: 'nothing-to-do' });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(await shown(dir)).toBe('140 623211a573b8eba9');
  });
});
