import { describe, expect, it } from 'vitest';
import { makeProgram } from '../../src/cli/program.js';
import { fakeHost, kvdoctor } from './host.js';

describe('help and version', () => {
  it.each(['--help', 'help', 'scan --help', 'help scan', 'explain --help'])(
    '%s goes to standard output',
    async (line) => {
      const { status, out, err } = await kvdoctor(line);
      expect({ status, err }).toEqual({ status: 0, err: '' });
      expect(out).toMatch(/^Usage: kvdoctor/);
      expect(out).toContain('Examples:\n');
    },
  );

  it('tells the version', async () => {
    expect((await kvdoctor('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each(['', ...makeProgram(fakeHost(), () => {}).commands.map((command) => command.name())])(
    'takes no more than 100 columns: %s',
    async (name) => {
      const { out } = await kvdoctor(`${name} --help`);
      expect(out.split('\n').filter((line) => line.length > 100)).toEqual([]);
    },
  );

  it('fits a terminal', async () => {
    const host = fakeHost({ terminal: true });
    const { out } = await kvdoctor('scan --help', host);
    const prose = out.split('\n').filter((line) => !line.startsWith('  kvdoctor '));
    for (const line of prose) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('a wrong command line ends with status 2 and says what to type', () => {
  it.each([
    ['scann db', "kvdoctor: unknown command 'scann' (Did you mean scan?)\nHow it is used: kvdoctor --help\n"],
    ['/var/lib/db', "kvdoctor: unknown command '/var/lib/db'\nTo scan it: kvdoctor scan /var/lib/db\n"],
    [
      'scan --dept full',
      "kvdoctor: unknown option '--dept' (Did you mean --depth?)\nHow it is used: kvdoctor scan --help\n",
    ],
    [
      'scan --depth fill',
      "kvdoctor: option '--depth <depth>' argument 'fill' is invalid. Choose one of structure, checksums, full. Did you mean full?\nHow it is used: kvdoctor scan --help\n",
    ],
    [
      'scan --jobs 0',
      "kvdoctor: option '--jobs <n>' argument '0' is invalid. It takes a whole number from 1 to 1024.\nHow it is used: kvdoctor scan --help\n",
    ],
    [
      'scan --format jsn',
      "kvdoctor: option '--format <name[=file]>' argument 'jsn' is invalid. Formats are text, json, ndjson, sarif, junit, github, gitlab, prometheus, markdown, html. Did you mean json?\nHow it is used: kvdoctor scan --help\n",
    ],
    [
      'scan --format json --format text',
      'kvdoctor: json and text cannot both go to standard output\nGive one of them a file: --format NAME=FILE.\n',
    ],
    [
      'scan --format json=/no/such/dir/report.json',
      'kvdoctor: cannot write /no/such/dir/report.json: no such file or directory (ENOENT)\n',
    ],
    [
      'explain wal/no-such-thing-at-all',
      'kvdoctor: there is no rule "wal/no-such-thing-at-all"\nAll rules: kvdoctor explain\n',
    ],
  ])('%s', async (line, err) => {
    expect(await kvdoctor(line)).toEqual({ status: 2, out: '', err });
  });

  it('nothing at all: the help, on standard error', async () => {
    const { status, out, err } = await kvdoctor('');
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^Usage: kvdoctor/);
  });
});
