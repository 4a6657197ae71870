import { describe, expect, it } from 'vitest';
import { kvdoctor } from './host.js';

const pair = 'fixtures/kvrocks-master/db fixtures/kvrocks-replica/db';

describe('kvdoctor compare', () => {
  it('names the sequence, the key and the command', async () => {
    const { status, out } = await kvdoctor(`compare ${pair}`);
    expect(status).toBe(1);
    expect(out).toContain('parted at sequence 51');
    expect(out).toMatch(/A {2}SET test 111 .*000010\.log at 0xb10/);
    expect(out).toMatch(/B {2}SET test 222 /);
    expect(out).toContain('repair  SET test 111');
  });

  it('writes JSON', async () => {
    const { out } = await kvdoctor(`compare ${pair} --format json`);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ schemaVersion: 1, different: true, application: 'kvrocks', slots: false });
    expect(report.history.first[0]).toMatchObject({ sequence: '51', a: { commands: ['SET test 111'] } });
    expect(report.keys).toMatchObject([
      { key: { utf8: 'test' }, type: 'string', commands: ['SET test 111'] },
    ]);
  });

  it('shows bytes where the application is not known', async () => {
    const { status, out } = await kvdoctor('compare fixtures/basic-7.8 fixtures/basic-9.7');
    expect(status).toBe(1);
    expect(out).toContain('differs default "item:0022"');
  });

  it('ends with 0, 2 and 3 as it says', async () => {
    expect(await kvdoctor('compare fixtures/basic-7.8 fixtures/basic-7.8')).toMatchObject({ status: 0 });
    expect(await kvdoctor('compare fixtures/basic-7.8 no/such/dir')).toMatchObject({ status: 2 });
    expect(await kvdoctor('compare fixtures/kvrocks-race-10/db fixtures/basic-7.8')).toMatchObject({
      status: 3,
    });
  });
});
