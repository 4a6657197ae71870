import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCurrent } from '../../src/format/current.js';

const decode = (text: string) => decodeCurrent(Buffer.from(text, 'latin1'));

describe('decodeCurrent', () => {
  it.each([
    ['MANIFEST-000025\n', 'MANIFEST-000025', 25n],
    ['MANIFEST-25\n', 'MANIFEST-25', 25n],
    ['/MANIFEST-000025\n', 'MANIFEST-000025', 25n],
  ])('accepts %j', (text, manifest, number) => {
    expect(decode(text)).toEqual({ manifest, number, anomalies: [] });
  });

  it('refuses a missing newline, and still says which MANIFEST was meant', () => {
    const current = decode('MANIFEST-000025');
    expect(current.manifest).toBe('MANIFEST-000025');
    expect(current.anomalies).toMatchObject([
      {
        rule: 'directory/current-no-newline',
        offset: 0,
        length: 15,
        evidence: { engine: 'Corruption: CURRENT file does not end with newline' },
      },
    ]);
  });

  it('refuses an empty file', () => {
    expect(decode('').anomalies.map((a) => a.rule)).toEqual(['directory/current-no-newline']);
  });

  it.each([
    'MANIFEST-000025\r\n',
    'MANIFEST-000025\nMANIFEST-000026\n',
    'db/MANIFEST-000025\n',
    'MANIFEST-99999999999999999999\n',
    'OPTIONS-000007\n',
    '\n',
  ])('refuses %j', (text) => {
    const current = decode(text);
    expect(current.manifest).toBeUndefined();
    expect(current.anomalies.map((a) => a.rule)).toEqual(['directory/current-malformed']);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { manifest, anomalies } = decodeCurrent(bytes);
        expect(manifest !== undefined || anomalies.length > 0).toBe(true);
      }),
    );
  });

  it('tells white space around the name from other damage', () => {
    for (const text of ['MANIFEST-000025\r\n', ' MANIFEST-000025\t\n', 'MANIFEST-000025\n\n']) {
      const { number, spacedNumber, anomalies } = decodeCurrent(Buffer.from(text));
      expect([number, spacedNumber]).toEqual([undefined, 25n]);
      expect(anomalies.map(({ rule }) => rule)).toEqual(['directory/current-malformed']);
    }
    // what does not end with a newline Pebble refuses, too
    for (const text of ['MANIFEST-000025\r', 'MANIFEST 000025\n', '\n'])
      expect(decodeCurrent(Buffer.from(text)).spacedNumber).toBeUndefined();
  });
});
