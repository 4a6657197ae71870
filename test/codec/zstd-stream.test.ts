import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReusedBuffer } from '../../src/bytes/reused-buffer.js';
import { xxh64Low } from '../../src/bytes/xxhash.js';
import { compressZstd } from '../../src/codec/zstd.js';
import { ZstdStream } from '../../src/codec/zstd-stream.js';
import { storedFrame } from '../../src/encode/log/writer.js';

/** Bytes that compress, over several zstd blocks where they are long. */
const sample = (length: number) => Uint8Array.from({ length }, (_, i) => (i * i) >> (i % 5));

function pushAll(stream: ZstdStream, pieces: Uint8Array[]) {
  const results = pieces.map((piece) => stream.push(piece));
  return { bytes: Buffer.concat(results.map((r) => r.bytes)), errors: results.map((r) => r.error) };
}

describe('frames in pieces', () => {
  test('any cut gives the same bytes', () => {
    const content = sample(3000);
    const frame = compressZstd(content);
    fc.assert(
      fc.property(fc.array(fc.nat(frame.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), frame.length];
        const pieces = at.slice(1).map((end, i) => frame.subarray(at[i], end));
        const stream = new ZstdStream();
        expect(Buffer.compare(pushAll(stream, pieces).bytes, content)).toBe(0);
        expect(stream.atFrameEnd).toBe(true);
      }),
    );
  });

  test('from memory that is used again', () => {
    const content = Buffer.concat([sample(300_000), Buffer.from(sample(300_000)).reverse()]);
    const frame = compressZstd(content);
    fc.assert(
      fc.property(fc.array(fc.nat(frame.length), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), frame.length];
        const memory = new ReusedBuffer();
        const stream = new ZstdStream();
        const decoded = at.slice(1).map((end, i) => {
          const piece = memory.give(end - at[i]);
          piece.set(frame.subarray(at[i], end));
          return stream.push(piece).bytes;
        });
        memory.takeBack();
        expect(Buffer.compare(Buffer.concat(decoded), content)).toBe(0);
        expect(stream.atFrameEnd).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('blocks come out as they are completed', () => {
    const content = sample(400_000);
    const frame = compressZstd(content);
    const stream = new ZstdStream();
    const first = stream.push(frame.subarray(0, frame.length - 10));
    expect(first.error).toBeUndefined();
    expect(first.bytes.length).toBeGreaterThanOrEqual(128 * 1024);
    expect(stream.atFrameEnd).toBe(false);
    const last = stream.push(frame.subarray(frame.length - 10));
    expect(Buffer.compare(Buffer.concat([first.bytes, last.bytes]), content)).toBe(0);
  });

  test('one frame after the other, also in one piece', () => {
    const [a, b] = [sample(12), sample(77)];
    const both = Buffer.concat([compressZstd(a), compressZstd(b)]);
    expect(new ZstdStream().push(both).bytes).toEqual(Buffer.concat([a, b]));
  });

  test('skippable frames are skipped, wherever they are cut', () => {
    const content = sample(500);
    const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const empty = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);
    const all = Buffer.concat([skippable, compressZstd(content), empty, skippable]);
    for (let cut = 0; cut <= all.length; cut++) {
      const stream = new ZstdStream();
      const { bytes, errors } = pushAll(stream, [all.subarray(0, cut), all.subarray(cut)]);
      expect(errors).toEqual([undefined, undefined]);
      expect(Buffer.compare(bytes, content)).toBe(0);
      expect(stream.atFrameEnd).toBe(true);
    }
  });

  test('twelve zero bytes, a frame too short for fzstd’s own streaming', () => {
    expect(Buffer.from(new ZstdStream().push(compressZstd(new Uint8Array(12))).bytes)).toEqual(
      Buffer.alloc(12),
    );
  });
});

describe('damage', () => {
  test('what is no frame is an error at once, and until the reset', () => {
    const stream = new ZstdStream();
    expect(stream.push(Buffer.from('no frame')).error).toBe('not a zstd frame');
    expect(stream.push(compressZstd(sample(30))).error).toBe('not a zstd frame');
    stream.reset();
    expect(stream.push(compressZstd(sample(30))).error).toBeUndefined();
  });

  test('an abandoned frame swallows the next one unless reset', () => {
    const frame = compressZstd(sample(3000));
    const stream = new ZstdStream();
    stream.push(frame.subarray(0, frame.length - 4));
    stream.reset();
    expect(stream.push(frame).bytes.length).toBe(3000);
  });

  test('a window of two gigabytes is refused', () => {
    const stream = new ZstdStream();
    expect(stream.push(Buffer.from('28b52ffd00a8010000000000000000000000', 'hex')).error).toMatch(/window/);
  });

  test('output is bounded', () => {
    expect(new ZstdStream(1000).push(compressZstd(new Uint8Array(5000))).error).toMatch(/past 1000 bytes/);
  });

  test('no mutation throws', () => {
    const frame = compressZstd(sample(3000));
    const change = fc.tuple(fc.nat(frame.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(frame.length), (changes, cut) => {
        const bytes = Uint8Array.from(frame);
        for (const [at, to] of changes) bytes[at] = to;
        const stream = new ZstdStream();
        pushAll(stream, [bytes.subarray(0, cut), bytes.subarray(cut)]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('content checksums', () => {
  /** A stored frame with a checksum: 32 bits of the XXH64 of its content. */
  function checksummed(content: Uint8Array): Uint8Array {
    const frame = Buffer.concat([storedFrame(content), Buffer.alloc(4)]);
    frame[4] |= 0x04;
    frame.writeUInt32LE(xxh64Low(content), frame.length - 4);
    return frame;
  }

  test('are looked at where that is asked for, wherever the frame is cut', () => {
    const frame = checksummed(sample(5000));
    const damaged = Uint8Array.from(frame);
    damaged[frame.length - 2] ^= 1;
    fc.assert(
      fc.property(fc.array(fc.nat(frame.length), { maxLength: 5 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), frame.length];
        const errors = (bytes: Uint8Array, verifies: boolean) => {
          const stream = new ZstdStream(undefined, verifies);
          const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
          return pushAll(stream, pieces).errors.filter((error) => error !== undefined);
        };
        expect(errors(frame, true)).toEqual([]);
        expect(errors(damaged, true)[0]).toBe('the ZSTD content checksum does not match');
        expect(errors(damaged, false)).toEqual([]);
      }),
    );
  });

  test('of several frames are each of its own frame', () => {
    const frames = Buffer.concat([
      checksummed(sample(700)),
      checksummed(sample(40)),
      checksummed(sample(9000)),
    ]);
    for (const size of [1, 13, 700, frames.length]) {
      const stream = new ZstdStream(undefined, true);
      for (let at = 0; at < frames.length; at += size)
        expect(stream.push(frames.subarray(at, at + size)).error).toBeUndefined();
      expect(stream.atFrameEnd).toBe(true);
    }
  });
});
