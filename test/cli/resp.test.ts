import { describe, expect, it } from 'vitest';
import { kvdoctor } from './host.js';

const at = 'fixtures/resp/exec-stall';

describe('kvdoctor resp', () => {
  it('shows the reply that breaks the protocol and what was acknowledged', async () => {
    const { status, out } = await kvdoctor(`resp ${at}.replies.resp --requests ${at}.requests.resp`);
    expect(status).toBe(1);
    expect(out).toMatch(
      /error an error behind EXEC’s array answers no request {3}replies at 0xa1 \(161\), 50 bytes/,
    );
    expect(out).toContain('told OK SET foo bar   requests at');
    expect(out).toContain('3 EXECs failed after their array had been sent');
  });

  it('writes JSON', async () => {
    const { out } = await kvdoctor(`resp ${at}.replies.resp --requests ${at}.requests.resp --format json`);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ schemaVersion: 1, verdict: 'broken', inferred: false });
    expect(report.broken[0]).toMatchObject({
      at: 161,
      acknowledged: [{ name: 'SET', words: { 1: { utf8: 'foo' } } }],
    });
  });

  it('refuses one input for both streams, and files that are not there', async () => {
    expect(await kvdoctor('resp - --requests -')).toMatchObject({ status: 2 });
    expect(await kvdoctor('resp no/such/file')).toMatchObject({ status: 2 });
  });
});
