import { describe, expect, it } from 'vitest';
import { keyBytes } from '../../src/finding/evidence.js';
import { redact } from '../../src/report/redact.js';
import { checksumMismatch, report, target } from './sample.js';

const secret = keyBytes(Buffer.from('secret'));
const original = report(
  target({
    findings: [
      {
        ...checksumMismatch,
        evidence: {
          ...checksumMismatch.evidence,
          keys: [secret],
          last: { key: secret, value: secret },
          one: { value: secret },
        },
        impact: { lost: { first: secret } },
      },
    ],
  }),
);
const evidenceOf = (redacted: typeof original) =>
  redacted.targets[0].findings[0].evidence as Record<string, unknown>;

describe('redact', () => {
  it('none: leaves all as it is', () => {
    expect(redact(original, 'none')).toEqual(original);
  });

  it('values: takes out values and raw bytes, keeps keys and the marks of a hex window', () => {
    const redacted = redact(original, 'values');
    expect(evidenceOf(redacted)).toMatchObject({
      stored: '0x5b1c22d0',
      keys: [secret],
      last: { key: secret, value: { redacted: 6 } },
      one: { value: { redacted: 6 } },
      record: { hex: { start: 0x7a30, marks: [{ offset: 0x7a3a, length: 412 }], redacted: 16 } },
    });
    expect(redacted.targets[0].findings[0].impact).toEqual({ lost: { first: secret } });
  });

  it('keys: nothing of keys and values is left', () => {
    const redacted = redact(original, 'keys');
    expect(JSON.stringify(redacted)).not.toMatch(new RegExp(`secret|${secret.base64}`));
    expect(redacted.targets[0].findings[0].impact).toEqual({ lost: { first: { redacted: 6 } } });
  });

  describe("an application's words", () => {
    const command = { text: 'SET secret value', command: 'SET', key: { ...secret, text: 'key secret' } };
    const worded = report(
      target({
        findings: [
          { ...checksumMismatch, impact: { commands: [command], hits: [{ keyText: 'key secret' }] } },
        ],
      }),
    );
    const impactOf = (redaction: 'values' | 'keys') =>
      redact(worded, redaction).targets[0].findings[0].impact;

    it('values: a line is left out, the key and its name stay', () => {
      expect(impactOf('values')).toEqual({
        commands: [{ ...command, text: { redacted: 16 } }],
        hits: [{ keyText: 'key secret' }],
      });
    });

    it('keys: nothing of them is left', () => {
      expect(JSON.stringify(impactOf('keys'))).not.toContain('secret');
    });
  });

  it('takes private bytes out of what the configuration sets aside, too', () => {
    const [finding] = original.targets[0].findings;
    const setAside = report(target({ suppressed: [{ ...finding, suppressed: { reason: 'known' } }] }));
    expect(JSON.stringify(redact(setAside, 'keys'))).not.toMatch(new RegExp(`secret|${secret.base64}`));
    expect(redact(setAside, 'keys').targets[0].suppressed?.[0].suppressed).toEqual({ reason: 'known' });
  });

  it('leaves the report that it was given as it was', () => {
    const before = structuredClone(original);
    redact(original, 'keys');
    expect(original).toEqual(before);
  });
});
