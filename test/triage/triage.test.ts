import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBefore } from '../../src/app/log-knowledge.js';
import { catalog } from '../../src/finding/catalog.js';
import { AnchorSearch } from '../../src/triage/anchor-search.js';
import { symptoms, unknownCorruption } from '../../src/triage/knowledge.js';
import { LONGEST_LINE, LogLines } from '../../src/triage/log-lines.js';
import { LogTriage, type Triage } from '../../src/triage/triage.js';
import { kvdoctor } from '../cli/host.js';
import { inRepository } from '../support/repository.js';
import { messages, printed } from './messages.js';

function triage(log: string | Uint8Array, piece = 1 << 20): Triage {
  const bytes = typeof log === 'string' ? Buffer.from(log) : log;
  const gathered = new LogTriage();
  for (let at = 0; at < bytes.length; at += piece) gathered.add(bytes.subarray(at, at + piece));
  return gathered.end();
}

const found = (log: string) => triage(log).sightings.map(({ symptom }) => symptom.id);

describe('what servers say', () => {
  it.each(messages)('%s: %s', (symptom, line) => {
    expect(found(`2024/01/01-00:00:00 7f [ERROR] ${line}\n`)).toContain(symptom);
    expect(found(line.toUpperCase())).toContain(symptom);
  });

  it.each(printed)('$by: $line', ({ line, shows, files, directory }) => {
    for (const log of [`${line}\n`, `2024/01/01-00:00:00.000000 7f [ERROR] [db/x.cc:1] ${line}\r\n`]) {
      const found = triage(log);
      expect(found.sightings.map(({ symptom }) => symptom.id).sort()).toEqual([...shows].sort());
      if (files !== undefined) expect(found.sightings[0].files).toEqual(files);
      if (directory !== undefined) expect(found.directory).toBe(directory);
    }
  });

  it('takes an absolute directory before one that is relative to where the server was started', () => {
    const log =
      'Corruption: bad block contents in db/000009.sst\nCorruption: bad block contents in /d/db/000009.sst';
    expect(triage(log).directory).toBe('/d/db');
    expect(triage('Corruption: bad block contents in hdfs://host/db/000009.sst').directory).toBeUndefined();
  });

  it('looks for paths in lines of any form without going over them again and again', () => {
    const line = `Corruption: bad block contents ${'x'.repeat(30_000)}${'000001.sst/'.repeat(3000)}\n`;
    const began = performance.now();
    triage(line.repeat(10));
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('has a line for every symptom that is known', () => {
    const shown = new Set([
      ...messages.map(([symptom]) => symptom),
      ...printed.flatMap(({ shows }) => shows),
    ]);
    expect([...symptoms, unknownCorruption].map(({ id }) => id).filter((id) => !shown.has(id))).toEqual([]);
  });

  it('finds in a log whatever a pattern matches', () => {
    const missed = messages.filter(
      ([, line]) =>
        symptoms.filter(({ pattern }) => pattern.test(line)).length > 0 &&
        found(line).includes('unknown-corruption'),
    );
    expect(missed).toEqual([]);
  });

  it('says the special instead of the general', () => {
    expect(found('block checksum mismatch: expected 1, got 2324967102 in 000009.sst')).toEqual([
      'block-zeroed',
    ]);
    expect(found('000001.log: dropping 9 bytes; Corruption: checksum mismatch')).toEqual([
      'wal-dropping-bytes',
    ]);
  });

  it('takes the options and statistics of a healthy LOG for what they are', () => {
    const log = [
      'Options.force_consistency_checks: 1',
      'Options.wal_recovery_mode: kSkipAnyCorruptedRecords',
      'Write Stall (count): cf-l0-file-count-limit-delays: 0',
      'Options.max_write_batch_group_size_bytes: 1048576',
    ];
    expect(found(log.join('\n'))).toEqual([]);
  });

  it('names rules and areas that exist', () => {
    const ids = Object.keys(catalog);
    const named = symptoms.flatMap(({ rules = [] }) => rules);
    expect(named.filter((rule) => !ids.some((id) => id === rule || id.startsWith(`${rule}/`)))).toEqual([]);
  });

  it('names commands that exist', async () => {
    const commands = new Set(symptoms.flatMap(({ next }) => next.map((each) => each.split(' ')[1])));
    for (const command of commands)
      expect(await kvdoctor(`${command} --help`), command).toMatchObject({ status: 0 });
  });

  it('gives anchors in lower case, with the pattern’s own words', () => {
    for (const { anchors, pattern } of symptoms) {
      expect(pattern.flags).toContain('i');
      for (const anchor of anchors) expect(anchor).toBe(anchor.toLowerCase());
    }
  });
});

describe('incidents', () => {
  const log = (name: string) => readFileSync(inRepository('fixtures', name, 'kvrocks.INFO'));

  it.each([
    ['kvrocks-race-8', 'likely'],
    ['kvrocks-race-10', 'likely'],
    ['kvrocks-race-12', 'likely'],
    ['kvrocks-race-9', 'possible'],
  ])('%s is the shared batch of Kvrocks, %s', (name, certainty) => {
    const { incidents, programs } = triage(log(name));
    expect(incidents).toMatchObject([{ id: 'kvrocks-shared-batch', certainty }]);
    expect(programs).toContainEqual({ name: 'Kvrocks', version: '2.10.0' });
  });

  const cases: [string, string[]][] = [
    ['kvrocks version 2.12.1\nCorruption: WriteBatch has wrong count', []],
    ['Corruption: WriteBatch has wrong count', []],
    ['kvrocks version 2.11.0\nResult incomplete: Write stall', ['kvrocks-exec-reply']],
    ['kvrocks version 2.13.0\nResult incomplete: Write stall', []],
    ['[kvrocks] sequence out of range, please use fullsync', ['kvrocks-parted-replica']],
    ['restate-server 1.2.0\nCorruption: truncated record body', ['torn-tail']],
    ['Starting Restate Server 1.3.0\nCorruption: truncated header', ['torn-tail']],
    ['region 26972 is prepared for write before, but', ['tikv-prepared-region']],
    ['No space left on device\nCorruption: bad block contents', ['full-disk']],
    ['Corruption: bad block contents\nNo space left on device', []],
  ];
  it.each(cases)('%s', (text, ids) => {
    expect(triage(text).incidents.map(({ id }) => id)).toEqual(ids);
  });

  it.each([
    ['1.1.6', 'possible'],
    ['1.2.0', 'likely'],
    ['1.3.0', 'likely'],
    ['1.3.1', 'possible'],
  ])('Restate %s with a torn log refuses it itself: %s', (version, certainty) => {
    const log = `restate_server: Starting Restate Server ${version} (abc)\nCorruption: truncated record body`;
    const { incidents, programs } = triage(log);
    expect(programs).toEqual([{ name: 'Restate', version }]);
    expect(incidents).toMatchObject([{ id: 'torn-tail', certainty }]);
  });

  it('compares versions by number', () => {
    expect(isBefore('2.9.0', '2.12.1')).toBe(true);
    expect(isBefore('2.12.1', '2.12.1')).toBe(false);
    expect(isBefore('3', '2.12.1')).toBe(false);
  });
});

describe('a log', () => {
  it('is counted in lines and bytes, and its places are right', () => {
    const text = 'fine\nfine\nCorruption: bad block contents in /data/db/000009.sst\nfine';
    const { lines, bytes, directory, sightings } = triage(text);
    expect({ lines, bytes, directory }).toEqual({ lines: 4, bytes: text.length, directory: '/data/db' });
    expect(sightings).toMatchObject([
      { count: 1, first: { line: 3, offset: 10 }, files: ['000009.sst'], symptom: { id: 'block-contents' } },
    ]);
  });

  it('is the same in pieces of any size', () => {
    const text = messages.map(([, line]) => `${line}\n`).join('nothing here\r\n');
    const whole = triage(text);
    for (const piece of [1, 7, 64, 1000]) expect(triage(text, piece)).toEqual(whole);
  });

  it('may hold any bytes and lines of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (bytes, piece) => {
        expect(triage(bytes, piece).bytes).toBe(bytes.length);
      }),
      { numRuns: 200 },
    );
    const long = new Uint8Array(3 * LONGEST_LINE).fill(0x78);
    expect(triage(long, 5000)).toMatchObject({ lines: 1, bytes: long.length, sightings: [] });
  });

  it('costs the same memory however often it says a thing', () => {
    const line = 'Corruption: bad block contents in 000001.sst\n'.repeat(100);
    const { sightings } = triage(
      line.replaceAll('000001', () => String(100000 + Math.random() * 800000).slice(0, 6)),
    );
    expect(sightings[0].count).toBe(100);
    expect(sightings[0].files).toHaveLength(8);
  });
});

it('the search finds what indexOf finds', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.uniqueArray(letters, { minLength: 1, maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'B', 'c'), maxLength: 30 }),
      (words, text) => {
        const seen = new Set<number>();
        const lines = new LogLines(new AnchorSearch(words), (line) => {
          for (const word of line.words) seen.add(word);
        });
        lines.add(Buffer.from(`${text}\n`));
        const expected = words.flatMap((word, i) => (text.toLowerCase().includes(word) ? [i] : []));
        expect([...seen].sort()).toEqual(expected);
      },
    ),
  );
});
