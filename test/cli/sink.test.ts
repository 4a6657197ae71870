import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { streamSink } from '../../src/cli/sink.js';

/** A pipe whose reader takes `room` pieces and then fails with `code`. */
function pipe(room: number, code: string): Writable {
  return new Writable({
    highWaterMark: 1,
    write(_piece, _encoding, done) {
      room--;
      done(room < 0 ? Object.assign(new Error(`write ${code}`), { code }) : null);
    },
  });
}

it('a reader who goes away is no failure: the rest is left out', async () => {
  const sink = streamSink(pipe(2, 'EPIPE'));
  expect(await sink.write('one')).toBe(true);
  expect(await sink.write('two')).toBe(true);
  await sink.write('three');
  expect(await sink.write('four')).toBe(false);
  await sink.close();
});

it('a full disk is one, and says so', async () => {
  const sink = streamSink(pipe(1, 'ENOSPC'));
  await sink.write('one');
  await expect(
    (async () => {
      await sink.write('two');
      await sink.close();
    })(),
  ).rejects.toThrow('cannot write the output: no space left on the device (ENOSPC)');
});
