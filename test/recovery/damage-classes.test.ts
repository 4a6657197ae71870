import { describe, expect, it } from 'vitest';
import {
  ABS,
  batch,
  bytesOf,
  flipped,
  full,
  op,
  PIT,
  padded,
  physical,
  put,
  SKIP,
  TOL,
  verdict,
} from './wals.js';

/*
 * What RocksDB 11.9 makes of each class of WAL damage in each of its four modes. WAL 4 is damaged, WAL 5 continues it.
 */

const a = full(batch(1, [put('a', '1')]));
const b = full(batch(2, [put('b', '2')]));
const c = full(batch(3, [put('c', '3')]));
const next = full(batch(4, [put('d', '4')]));
const three = bytesOf(a, b, c);

/** A record in two fragments, 64 KiB away from the next block's end. */
function fragmented(sequence: number): Uint8Array[] {
  const bytes = batch(sequence, [put('f', 'x'.repeat(100))]);
  return [physical(2, bytes.subarray(0, 20)), physical(4, bytes.subarray(20))];
}
const [first, last] = fragmented(2);

interface Row {
  what: string;
  wal: Uint8Array;
  absolute: string;
  tolerate: string;
  pit: string;
  skip: string;
}

const whole = 'OK 1 a=1, 2 b=2, 3 c=3, 4 d=4';
const twoOf = 'OK 1 a=1, 2 b=2';
const hole = 'OK 1 a=1, 2 b=2, 4 d=4';

const rows: Row[] = [
  { what: 'nothing', wal: three, absolute: whole, tolerate: whole, pit: whole, skip: whole },
  {
    what: 'a cut in a header',
    wal: bytesOf(a, b, c.subarray(0, 3)),
    absolute: 'truncated header',
    tolerate: hole,
    pit: twoOf,
    skip: hole,
  },
  {
    what: 'a cut in a body',
    wal: three.subarray(0, three.length - 1),
    absolute: 'truncated record body',
    tolerate: hole,
    pit: twoOf,
    skip: hole,
  },
  {
    what: 'a cut between fragments',
    wal: bytesOf(a, first),
    absolute: 'error reading trailing data due to encountering EOF',
    tolerate: 'OK 1 a=1, 4 d=4',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'a cut at a record end: a hole that nobody sees',
    wal: bytesOf(a, b),
    absolute: hole,
    tolerate: hole,
    pit: hole,
    skip: hole,
  },
  {
    what: 'an empty file',
    wal: new Uint8Array(0),
    absolute: 'OK 4 d=4',
    tolerate: 'OK 4 d=4',
    pit: 'OK 4 d=4',
    skip: 'OK 4 d=4',
  },
  {
    what: 'a flipped bit in a payload: the rest of the block is lost',
    wal: bytesOf(a, flipped(b, 20), c),
    absolute: 'checksum mismatch',
    tolerate: 'checksum mismatch',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'a flipped bit, and a whole record in the next block',
    wal: bytesOf(padded(bytesOf(a, flipped(b, 20))), c),
    absolute: 'checksum mismatch',
    tolerate: 'checksum mismatch',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
  {
    what: 'a length past the end of a short block: a torn tail, whatever follows',
    wal: bytesOf(a, flipped(b, 5, 4), c),
    absolute: 'truncated record body',
    tolerate: 'OK 1 a=1, 4 d=4',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'the same in a file of whole blocks: damage',
    wal: padded(bytesOf(a, flipped(b, 5, 7), c)),
    absolute: 'bad record length',
    tolerate: 'bad record length',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'a zeroed header: the rest of the block is lost, and no mode says so',
    wal: bytesOf(a, new Uint8Array(b.length), c),
    absolute: 'OK 1 a=1, 4 d=4',
    tolerate: 'OK 1 a=1, 4 d=4',
    pit: 'OK 1 a=1, 4 d=4',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'zeros between fragments',
    wal: bytesOf(padded(bytesOf(a, first)), last),
    absolute: 'error in middle of record',
    tolerate: 'error in middle of record',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 4 d=4',
  },
  {
    what: 'a first fragment without its last',
    wal: bytesOf(a, first, c),
    absolute: 'partial record without end(1)',
    tolerate: 'partial record without end(1)',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
  {
    what: 'a last fragment without its first',
    wal: bytesOf(a, last, c),
    absolute: 'missing start of fragmented record(2)',
    tolerate: 'missing start of fragmented record(2)',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
  {
    what: 'an unknown type',
    wal: bytesOf(a, physical(0x65, '00'), c),
    absolute: 'unknown record type 101',
    tolerate: 'unknown record type 101',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
  {
    what: 'an unknown type that may be ignored',
    wal: bytesOf(a, physical(0xc8, '00'), b, c),
    absolute: whole,
    tolerate: whole,
    pit: whole,
    skip: whole,
  },
  {
    what: 'a record that is too short for a batch',
    wal: bytesOf(a, physical(1, '0011'), c),
    absolute: 'log record too small',
    tolerate: 'log record too small',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
  {
    what: 'a wrong count after a right checksum: fatal everywhere',
    wal: bytesOf(a, full(batch(2, [put('b', '2')], 2)), c),
    absolute: 'WriteBatch has wrong count',
    tolerate: 'WriteBatch has wrong count',
    pit: 'WriteBatch has wrong count',
    skip: 'WriteBatch has wrong count',
  },
  {
    what: 'an unknown tag, which the engine prints as a signed character',
    wal: bytesOf(a, full(batch(2, [op(0x80)], 1)), c),
    absolute: 'unknown WriteBatch tag: 4294967168',
    tolerate: 'unknown WriteBatch tag: 4294967168',
    pit: 'unknown WriteBatch tag: 4294967168',
    skip: 'unknown WriteBatch tag: 4294967168',
  },
  {
    what: 'an operand that runs past the end',
    wal: bytesOf(a, full(batch(2, [[0x01, 1, 0x62, 9, 0x32]], 1)), c),
    absolute: 'bad WriteBatch Put',
    tolerate: 'bad WriteBatch Put',
    pit: 'bad WriteBatch Put',
    skip: 'bad WriteBatch Put',
  },
  {
    what: 'a sequence number of 57 bits',
    wal: bytesOf(a, full(batch(1n << 56n, [put('b', '2')])), c),
    absolute: 'sequence 72057594037927936 is too large',
    tolerate: 'sequence 72057594037927936 is too large',
    pit: 'OK 1 a=1',
    skip: 'OK 1 a=1, 3 c=3, 4 d=4',
  },
];

describe('damage in a WAL that another follows, RocksDB 11.9', () => {
  for (const { what, wal, absolute, tolerate, pit, skip } of rows) {
    it(what, async () => {
      const wals = { 4: wal, 5: next };
      expect({
        absolute: await verdict(wals, ABS),
        tolerate: await verdict(wals, TOL),
        pit: await verdict(wals, PIT),
        skip: await verdict(wals, SKIP),
      }).toEqual({ absolute, tolerate, pit, skip });
    });
  }
});
