import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUserKey } from '../../src/app/kvrocks/key.js';
import { checkAgainst, type DatabaseCheck } from '../../src/resp/against.js';
import { checkCapture } from '../../src/resp/check.js';
import { effectId, outcomeOf } from '../../src/resp/effects.js';
import { RespParser, type RespValue } from '../../src/resp/value.js';
import { type EngineStep, engineAvailable, runEngine } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';

const fixture = (name: string) => readFileSync(inRepository('fixtures/resp', name));
const ascii = (text: string) => Buffer.from(text, 'latin1');

const shown = ({ verdicts }: DatabaseCheck) =>
  verdicts.map(({ write, state, proven, harmless, readersSee }) =>
    [
      write.request.words.map((word) => Buffer.from(word).toString()).join(' '),
      state,
      ...(proven ? ['proven'] : []),
      ...(harmless ? ['harmless'] : []),
      ...(readersSee === undefined ? [] : [`now ${readersSee}`]),
    ].join(', '),
  );
const again = (check: DatabaseCheck) =>
  check.again.map(({ request }) => request.words.map((word) => Buffer.from(word).toString()).join(' '));

describe('acknowledged writes of EXECs that failed', () => {
  it('are proven to be absent from the logs of the server', async () => {
    const { acknowledged } = checkCapture(
      fixture('stalled/replies.resp'),
      fixture('stalled/requests.resp'),
      true,
    );
    const check = await checkAgainst(inRepository('fixtures/resp/stalled/db'), acknowledged);
    expect(check).toMatchObject({ written: 7, absent: 6, undecided: 0, logs: { first: 4n, last: 15n } });
    expect(shown(check)).toEqual([
      'SET stock:7 40, absent, proven, now 41',
      'HSET order:3 state new, absent, proven, now the key is not there',
      'LPUSH queue order:3, absent, proven, now no element is the same',
      'SET stock:7 39, absent, proven, now 41',
      'DEL order:1, absent, proven, now the key is there',
      'SETBIT seen 7 1, absent, proven',
    ]);
    expect(again(check)).toEqual([
      'HSET order:3 state new',
      'LPUSH queue order:3',
      'SET stock:7 39',
      'DEL order:1',
      'SETBIT seen 7 1',
    ]);
  });
});

const families = ['default', 'metadata', 'zset_score', 'pubsub', 'propagate', 'stream', 'search'];
const stored = (user: string, value: string): EngineStep => ({
  op: 'put',
  column: 'metadata',
  key: {
    base64: Buffer.from(encodeUserKey(ascii('__namespace'), ascii(user), false)).toString('base64'),
  },
  value: { base64: Buffer.concat([Buffer.from([0x81]), Buffer.alloc(8), ascii(value)]).toString('base64') },
});
const times = (count: number, step: EngineStep) => Array.from({ length: count }, () => step);

/** A capture against a database that RocksDB makes by these steps; `lives` are processes one after the other. */
function against(capture: [Buffer, Buffer], ...lives: EngineStep[][]): Promise<DatabaseCheck> {
  return withTemporaryDirectory(async (parent) => {
    const dir = join(parent, 'db');
    const columns = Object.fromEntries(families.map((name) => [name, {}]));
    for (const [i, steps] of lives.entries()) {
      const options = { createIfMissing: i === 0, columns, walCompression: false };
      const report = await runEngine('rocksdb-9.7', dir, { options, steps: [...steps, { op: 'kill' }] });
      expect(report.error).toBeUndefined();
    }
    // what recovery has flushed the engine removes some time later
    const logs = readdirSync(dir).filter((name) => name.endsWith('.log'));
    for (const name of lives.length > 1 ? logs.sort().slice(0, -1) : []) rmSync(join(dir, name));
    return checkAgainst(dir, checkCapture(...capture, true).acknowledged);
  });
}

const real: [Buffer, Buffer] = [fixture('exec-stall.replies.resp'), fixture('exec-stall.requests.resp')];

/** Commands on a line each with what the server said, `SET a 1 = +OK`. */
function talk(...lines: string[]): [Buffer, Buffer] {
  const parts = lines.map((line) => line.split(' = '));
  const sent = parts.map(([command]) => {
    const words = command.split(' ');
    return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  });
  return [
    ascii(parts.map(([, reply]) => `${reply.replaceAll(' / ', '\r\n')}\r\n`).join('')),
    ascii(sent.join('')),
  ];
}

describe.skipIf(!engineAvailable('rocksdb-9.7'))('the captured stall', () => {
  it('lacks three writes whose like was written by others of its own', async () => {
    const check = await against(real, times(8, stored('foo', 'bar')));
    expect(check).toMatchObject({ written: 8, absent: 3, undecided: 0, again: [] });
    expect(shown(check)).toEqual(times(3, 'SET foo bar, absent, proven, harmless' as never));
  });

  it('cannot be told from other connections that wrote the same', async () => {
    expect(await against(real, times(11, stored('foo', 'bar')))).toMatchObject({
      written: 8,
      absent: 0,
      undecided: 3,
    });
  });

  it('cannot be proven without logs', async () => {
    const purged = await against(real, times(8, stored('foo', 'bar')), []);
    expect(purged).toMatchObject({ written: 1, absent: 0, undecided: 2, replaced: 8, again: [] });
    const replaced = await against(real, [stored('foo', 'other')], []);
    expect(replaced).toMatchObject({ written: 0, absent: 2, undecided: 1, replaced: 8 });
    expect(replaced.verdicts.some(({ proven }) => proven)).toBe(false);
    expect(again(replaced)).toEqual(['SET foo bar']);
  });
});

describe.skipIf(!engineAvailable('rocksdb-9.7'))('writes outside of EXEC', () => {
  const capture = talk('SET a 1 = +OK', 'INCR n = :5', 'SET b 2 = +OK', 'DEL c = :0', 'SET a 3 NX = $-1');

  it('are there', async () => {
    expect(await against(capture, [stored('a', '1'), stored('n', '5'), stored('b', '2')])).toMatchObject({
      written: 3,
      absent: 0,
      undecided: 0,
    });
  });

  it('are absent where a log lost its end', async () => {
    const check = await against(capture, [stored('a', '1'), stored('n', '5')]);
    expect(shown(check)).toEqual(['SET b 2, absent, proven, now the key is not there']);
  });

  it('are not taken for lost where the value was so before', async () => {
    const check = await against(talk('SET a 1 = +OK', 'EXPIRE a 100 = :1'), [stored('a', '1')]);
    expect(check).toMatchObject({ written: 1, absent: 0, undecided: 1 });
  });
});

describe('what a command did', () => {
  const reply = (text: string) => new RespParser(ascii(text.replaceAll('\n', '\r\n'))).value(0) as RespValue;
  const cases: [string, string, string][] = [
    ['SET a 1', '+OK\n', 'a: value  1:1'],
    ['SET a 1 NX', '$-1\n', ''],
    ['SET a 1 GET', '$3\nold\n', 'a: value  1:1'],
    ['SET a 1 NX GET', '$-1\n', 'undecided'],
    ['SETEX a 10 1', '+OK\n', 'a: value  1:1'],
    ['MSET a 1 b 2', '+OK\n', 'a: value  1:1; b: value  1:2'],
    ['MSET a', '+OK\n', 'undecided'],
    ['INCRBY a 4', ':9\n', 'a: value  1:9'],
    ['APPEND a x', ':9\n', 'undecided'],
    ['HSET h f 1 g 2 f 3', ':2\n', 'h: field 1:f 1:3, field 1:g 1:2'],
    ['HINCRBY h f 2', ':7\n', 'h: field 1:f 1:7'],
    ['HDEL h f', ':0\n', ''],
    ['SADD s a b', ':1\n', 's: member 1:a , member 1:b '],
    ['SADD s a', ':0\n', ''],
    ['SPOP s', '$1\na\n', 's: no-member 1:a '],
    ['ZADD z 1.50 a', ':1\n', 'z: score 1:a 3:1.5'],
    ['ZADD z CH inf a', ':1\n', 'z: score 1:a 8:Infinity'],
    ['ZADD z NX 1 a', ':1\n', 'undecided'],
    ['LPUSH l a b', ':2\n', 'l: element  1:a, element  1:b'],
    ['LPOP l', '$-1\n', ''],
    ['LPOP l', '$1\na\n', 'l: popped  '],
    ['DEL a b', ':1\n', 'a: no-key  ; b: no-key  '],
    ['XADD x * f v', '$3\n5-0\n', 'x: entry 3:5-0 '],
    ['EXPIRE a 1', ':0\n', ''],
    ['SET a 1', '-ERR no\n', ''],
    ['GEORADIUS a', '+OK\n', 'undecided'],
  ];
  it.each(cases)('%s with %j', (command, said, expected) => {
    const outcome = outcomeOf(command.split(' ').map(ascii), reply(said));
    const text =
      'undecided' in outcome
        ? 'undecided'
        : outcome.keys
            .map(({ key, effects }) => `${Buffer.from(key)}: ${effects.map(effectId).join(', ')}`)
            .join('; ');
    expect(text).toBe(expected);
  });
});

describe('captures that are not what they seem', () => {
  const names = [
    'SET',
    'SETEX',
    'MSET',
    'HSET',
    'HINCRBY',
    'SADD',
    'SPOP',
    'ZADD',
    'ZINCRBY',
    'LPUSH',
    'LSET',
    'DEL',
    'XADD',
  ];
  const replies = ['+OK', ':1', ':0', '$1\r\nx', '$-1', '*1\r\n:1', '*0', '_', '%1\r\n+a\r\n:1'];
  const commands = fc.array(
    fc.tuple(
      fc.constantFrom(...names),
      fc.array(fc.constantFrom('stock:7', 'queue', 'order:2', 'tags', '1', 'inf', 'NX'), { maxLength: 4 }),
      fc.constantFrom(...replies),
    ),
    { minLength: 1, maxLength: 5 },
  );

  it('are judged without a failure', async () => {
    const dir = inRepository('fixtures/resp/stalled/db');
    await fc.assert(
      fc.asyncProperty(commands, async (said) => {
        const lines = said.map(([name, words, reply]) => `${[name, ...words].join(' ')} = ${reply}`);
        const { acknowledged } = checkCapture(...talk(...lines), true);
        const check = await checkAgainst(dir, acknowledged);
        expect(check.reason).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });
});
