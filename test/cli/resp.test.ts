import { describe, expect, it } from 'vitest';
import { kvdoctor } from './host.js';

const at = 'fixtures/resp/exec-stall';

describe('kvdoctor resp', () => {
  it('shows the reply that breaks the protocol and what was acknowledged', async () => {
    const { status, out } = await kvdoctor(`resp ${at}.replies.resp --requests ${at}.requests.resp`);
    expect(status).toBe(1);
    expect(out).toMatch(
      /error an error after EXEC’s array answers no request {3}replies at 0xa1 \(161\), 50 bytes/,
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

describe('kvdoctor resp --dir', () => {
  const capture = 'resp fixtures/resp/stalled/replies.resp --requests fixtures/resp/stalled/requests.resp';

  it('proves the absence of what a failed EXEC acknowledged, and says what to write again', async () => {
    const { status, out } = await kvdoctor(`${capture} --dir fixtures/resp/stalled/db`);
    expect(status).toBe(1);
    expect(out).toMatch(
      /absent SET stock:7 39 {3}requests at 0x1c8 \(456\), in an EXEC that failed\n {2}proof/,
    );
    expect(out).toContain('13 acknowledged writes: 7 there, 6 absent (6 proven), 0 undecided');
    expect(out).toMatch(/ {2}HSET order:3 state new\n {2}LPUSH queue order:3\n {2}SET stock:7 39\n/);
  });

  it('writes the same as JSON', async () => {
    const { out } = await kvdoctor(`${capture} --dir fixtures/resp/stalled/db --format json`);
    expect(JSON.parse(out).database).toMatchObject({
      mode: 'point-in-time',
      logs: { first: '4', last: '15' },
      absent: 6,
      verdicts: { 0: { state: 'absent', proven: true, refused: true, request: { name: 'SET' } } },
    });
  });

  it('says what it cannot look at', async () => {
    expect(await kvdoctor('resp fixtures/resp/stalled/replies.resp --dir fixtures/basic-7.8')).toMatchObject({
      status: 2,
      err: expect.stringContaining('--dir needs the requests'),
    });
    const { out } = await kvdoctor(`${capture} --dir fixtures/basic-7.8`);
    expect(out).toContain('not looked at: no application that speaks the Redis protocol is recognised in it');
    expect(await kvdoctor(`${capture} --dir fixtures/none`)).toMatchObject({ status: 2 });
  });
});
