import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCapture, isBroken } from '../../src/resp/check.js';
import { commandText } from '../../src/resp/command-text.js';
import { RespParser } from '../../src/resp/value.js';
import { inRepository } from '../support/repository.js';

const bytes = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'));
const value = (text: string) => new RespParser(bytes(text)).value(0);

/** Commands on a line each, as a client sends them. */
function requests(text: string): Buffer {
  const words = (line: string) => line.split(' ').map((word) => `$${word.length}\r\n${word}\r\n`);
  return Buffer.from(
    text
      .trim()
      .split('\n')
      .map((line) => `*${line.trim().split(' ').length}\r\n${words(line.trim()).join('')}`)
      .join(''),
  );
}

describe('values', () => {
  it.each([
    ['+OK\n', '+', 'OK'],
    ['-ERR no\n', '-', 'ERR no'],
    [':-7\n', ':', '-7'],
    ['$3\na\nb\n', '$', undefined],
    ['$0\n\n', '$', ''],
    [',inf\n', ',', 'inf'],
    [',1.5e3\n', ',', '1.5e3'],
    ['(123456789012345678901234567890\n', '(', '123456789012345678901234567890'],
    ['#t\n', '#', 't'],
    ['=7\ntxt:abc\n', '=', 'txt:abc'],
    ['!3\nERR\n', '!', 'ERR'],
  ])('%j', (text, type, content) => {
    const parsed = value(text);
    if ('kind' in parsed) return expect(text).toBe('$3\na\nb\n');
    expect(parsed).toMatchObject({ type, offset: 0, end: bytes(text).length });
    expect(Buffer.from(parsed.bytes!).toString()).toBe(content);
  });

  it.each([
    ['*2\n:1\n*1\n+a\n', 2],
    ['%1\n+key\n:1\n', 2],
    ['~2\n:1\n:2\n', 2],
    ['>2\n+message\n+x\n', 2],
    ['*1\n|1\n+ttl\n:9\n:1\n', 1],
  ])('%j has %i elements', (text, count) => {
    expect(value(text)).toMatchObject({ end: bytes(text).length, items: { length: count } });
  });

  it.each(['$-1\n', '*-1\n', '_\n'])('%j is nil', (text) => expect(value(text)).toMatchObject({ nil: true }));

  it.each([
    ['?1\n', 'unknown-type', 0, 1],
    [':1x\n', 'bad-line', 0, 5],
    ['$x\n', 'bad-length', 0, 4],
    ['$-2\n', 'bad-length', 0, 5],
    ['$2\nabc\n', 'missing-line-end', 6, 2],
    ['$5\nab', 'truncated', 0, 6],
    ['*3\n:1\n:2\n', 'truncated', 0, 12],
    ['*4294967295\n', 'truncated', 0, 13],
    ['+OK', 'truncated', 0, 3],
    ['*1\n'.repeat(100), 'too-deep', 260, 1],
  ])('%j is no value: %s', (text, kind, offset, length) => {
    expect(value(text)).toMatchObject({ kind, offset, length });
  });
});

describe('a connection whose EXEC failed after its array', () => {
  const file = (name: string) => readFileSync(inRepository('fixtures/resp', name));
  const replies = file('exec-stall.replies.resp');
  const check = checkCapture(replies, file('exec-stall.requests.resp'));

  it('names the exact replies that break the protocol', () => {
    const at = [...replies.toString('latin1').matchAll(/-ERR/g)].map(({ index }) => index);
    expect(check.broken.map((each) => each.at)).toEqual(at);
    expect(check.broken[0]).toMatchObject({
      kind: 'surplus-error',
      length: 50,
      error: 'ERR Result incomplete: Low priority write stall',
      reply: { announced: 1, elements: 1, offset: at[0] - 9 },
    });
    expect(check.misfits).toEqual([]);
    expect(check.replies.problems).toEqual([]);
    expect(check.paired).toBe(check.requests?.count);
  });

  it('names the writes that were acknowledged inside it', () => {
    const told = check.broken.flatMap(({ acknowledged }) => acknowledged.map((each) => commandText(each)));
    expect(told).toEqual(['SET foo bar', 'SET foo bar', 'SET foo bar']);
  });

  it('finds the same in the replies alone', () => {
    const alone = checkCapture(replies);
    expect(alone.inferred).toBe(true);
    expect(alone.broken.map(({ kind, at }) => [kind, at])).toEqual(
      check.broken.map(({ kind, at }) => [kind, at]),
    );
  });
});

describe('pairing', () => {
  const pairs = (asked: string, answered: string) => checkCapture(bytes(answered), requests(asked));

  it('is content with a healthy connection', () => {
    const asked = 'PING\nMULTI\nSET a 1\nINCR n\nEXEC\nGET a\nMULTI\nSET a 2\nDISCARD\nGET a';
    const answered = '+PONG\n+OK\n+QUEUED\n+QUEUED\n*2\n+OK\n:1\n$1\n1\n+OK\n+QUEUED\n+OK\n$1\n1\n';
    expect(isBroken(pairs(asked, answered))).toBe(false);
  });

  it('is content with refused transactions', () => {
    const asked = 'WATCH a\nMULTI\nSET a 1\nEXEC\nMULTI\nNOSUCH\nEXEC\nEXEC\nGET a';
    const answered =
      '+OK\n+OK\n+QUEUED\n*-1\n+OK\n-ERR unknown\n-EXECABORT discarded\n-ERR EXEC without MULTI\n$-1\n';
    expect(isBroken(pairs(asked, answered))).toBe(false);
  });

  it('takes an error inside the array for what it is', () => {
    const check = pairs(
      'MULTI\nINCR a\nSET b 1\nEXEC\nPING',
      '+OK\n+QUEUED\n+QUEUED\n*2\n-ERR x\n+OK\n+PONG\n',
    );
    expect(isBroken(check)).toBe(false);
  });

  it('tells an error that answers the next command from a surplus one', () => {
    const next = pairs('MULTI\nSET a 1\nEXEC\nGET b\nPING', '+OK\n+QUEUED\n*1\n+OK\n-WRONGTYPE no\n+PONG\n');
    expect(isBroken(next)).toBe(false);
    const surplus = pairs(
      'MULTI\nSET a 1\nEXEC\nGET b\nPING',
      '+OK\n+QUEUED\n*1\n+OK\n-ERR Result incomplete: Write stall\n$1\nb\n+PONG\n',
    );
    expect(surplus.broken).toMatchObject([{ kind: 'surplus-error', at: 23, takenFor: { name: 'GET' } }]);
    expect(surplus.misfits).toEqual([]);
  });

  it('finds an array that swallows the replies after it', () => {
    const check = pairs(
      'MULTI\nSET a 1\nSET b 2\nEXEC\nMULTI\nSET c 3\nEXEC\nPING',
      '+OK\n+QUEUED\n+QUEUED\n*2\n-ERR begin failed\n+OK\n+QUEUED\n*1\n+OK\n+PONG\n',
    );
    expect(check.broken).toMatchObject([{ kind: 'too-few-elements', reply: { announced: 2, elements: 1 } }]);
    expect(check.misfits).toEqual([]);
  });

  it('finds an array that is short where the capture ends', () => {
    const check = pairs('MULTI\nSET a 1\nSET b 2\nEXEC\nPING', '+OK\n+QUEUED\n+QUEUED\n*2\n+PONG\n');
    expect(check.broken).toMatchObject([{ kind: 'too-few-elements', reply: { elements: 0 } }]);
  });

  it('finds replies that nobody asked for and requests without one', () => {
    expect(pairs('PING', '+PONG\n+PONG\n').misfits).toMatchObject([{ kind: 'unsolicited-reply', offset: 7 }]);
    const cut = pairs('PING\nPING', '+PONG\n');
    expect(cut.misfits).toMatchObject([{ kind: 'unanswered' }]);
    expect(isBroken(cut)).toBe(false);
  });

  it('leaves pushes and attributes out, and ends at SUBSCRIBE', () => {
    const check = pairs('GET a\nPING', '>2\n+invalidate\n+a\n|1\n+ttl\n:9\n$1\n1\n+PONG\n');
    expect(isBroken(check)).toBe(false);
    const subscribed = pairs('PING\nSUBSCRIBE a b', '+PONG\n*1\n:1\n*1\n:2\n');
    expect(subscribed.unpairedFrom).toMatchObject({ name: 'SUBSCRIBE' });
    expect(isBroken(subscribed)).toBe(false);
  });

  it('goes on after damage', () => {
    const check = pairs('PING\nPING\nPING', '+PONG\n\u0000\u0001\n+PONG\n');
    expect(check.replies.problems).toMatchObject([{ kind: 'unknown-type', offset: 7 }]);
    expect(isBroken(check)).toBe(true);
  });
});

it('any bytes are checked without a throw', () => {
  const piece = fc.constantFrom(
    '*2\r\n',
    '*1\r\n',
    '+OK\r\n',
    '+QUEUED\r\n',
    '-ERR\r\n',
    '$1\r\n',
    'a\r\n',
    '*-1\r\n',
  );
  const stream = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(piece, { maxLength: 20 }).map((all) => Buffer.from(all.join(''))),
  );
  const lines = fc.constantFrom('MULTI', 'EXEC', 'SET a 1', 'PING', 'GET a', 'SUBSCRIBE a');
  fc.assert(
    fc.property(stream, fc.array(lines, { minLength: 1, maxLength: 12 }), (replies, asked) => {
      const check = checkCapture(replies, requests(asked.join('\n')));
      expect(check.paired).toBeLessThanOrEqual(asked.length);
      checkCapture(replies);
      checkCapture(replies, replies);
    }),
  );
});
