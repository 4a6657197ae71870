import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeProgram } from '../src/cli/program.js';
import { fakeHost } from './cli/host.js';
import { inRepository } from './support/repository.js';

// what the ways in type is what the command line takes

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (name: string) => readFileSync(inRepository(name), 'utf8');
const deployed = readdirSync(inRepository('deploy'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yml') || name.endsWith('.yaml'))
  .map((name) => `deploy/${name}`);

const program = makeProgram(fakeHost(), () => {});
const optionsOf = new Map(
  program.commands.map((command) => [command.name(), new Set(command.options.map(({ long }) => long))]),
);

/** Command lines in a text: the subcommand and the options after it, over line ends that are continued. */
function commandLines(text: string): { command: string; options: string[] }[] {
  const joined = text.replace(/\\\n\s*/g, ' ').replace(/\n\s+(?=--)/g, ' ');
  return [...joined.matchAll(/kvdoctor(?:\.m?js"?)? (scan|merge|render|simulate) ([^\n`]*)/g)].map(
    ([, command, rest]) => ({
      command,
      options: [...rest.split('|')[0].matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([option]) => option),
    }),
  );
}

describe.each(['action.yml', 'Dockerfile', 'docs/ci.md', ...deployed])('%s', (name) => {
  it('gives options that there are', () => {
    for (const { command, options } of commandLines(read(name))) {
      for (const option of options) {
        const known = optionsOf.get(command)!;
        expect(known.has(option) || known.has(option.replace(/^--/, '--no-')), `${command} ${option}`).toBe(
          true,
        );
      }
    }
  });

  it('sets variables that stand for options', () => {
    const all = new Set([...optionsOf.values()].flatMap((options) => [...options].map((long) => long ?? '')));
    const own = new Set(['KVDOCTOR_PATHS', 'KVDOCTOR_SHARD_INDEX', 'KVDOCTOR_SHARD_COUNT', 'KVDOCTOR_DEBUG']);
    for (const [variable] of read(name).matchAll(/KVDOCTOR_[A-Z_]+/g)) {
      const long = variable.replace('KVDOCTOR_', '').toLowerCase().replaceAll('_', '-');
      expect(own.has(variable) || all.has(`--${long}`) || all.has(`--no-${long}`), variable).toBe(true);
    }
  });
});

it('there are command lines in them at all', () => {
  expect(deployed.length).toBe(4);
  expect(commandLines(read('docs/ci.md')).length).toBeGreaterThan(12);
  expect(commandLines(read('deploy/gitlab/kvdoctor.gitlab-ci.yml')).length).toBe(3);
});

describe('action.yml', () => {
  /** The script of the step that scans, as the runner would hand it to bash. */
  const script = (/^[\s\S]* {6}run: \|\n([\s\S]*)$/.exec(read('action.yml'))?.[1] ?? '').replace(
    /^ {8}/gm,
    '',
  );

  // what the step before it installs
  const binaries = join(folder, 'kvdoctor/node_modules/.bin');
  mkdirSync(binaries, { recursive: true });
  symlinkSync(inRepository('bin/kvdoctor.js'), join(binaries, 'kvdoctor'));

  function step(paths: string, env: Record<string, string> = {}) {
    const reports = join(folder, 'reports');
    const result = spawnSync('bash', ['-e', '-c', script], {
      cwd: inRepository('.'),
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        RUNNER_TEMP: folder,
        GITHUB_OUTPUT: join(folder, 'output'),
        GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
        PATHS: paths,
        KVDOCTOR_FAIL_ON: 'error',
        KVDOCTOR_DEPTH: 'full',
        KVDOCTOR_KIND: '',
        KVDOCTOR_CONFIG: '',
        KVDOCTOR_BASELINE: '',
        KVDOCTOR_SHARD: '',
        KVDOCTOR_REDACT: '',
        KVDOCTOR_RECOVERY: 'false',
        KVDOCTOR_APPLICATION: 'false',
        REPORTS: reports,
        ...env,
      },
    });
    return { ...result, reports };
  }

  it('one step gives exit status, annotations, summary, JUnit, SARIF, a page and the verdict', () => {
    const { status, stdout, reports } = step('\nfixtures/basic-7.8\nfixtures/kvrocks-race-10/db\n');
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^::error file=fixtures\/kvrocks-race-10\/db\/000010.log,title=batch\/unknown-tag::/m,
    );
    for (const name of ['report.json', 'junit.xml', 'results.sarif', 'report.html']) {
      expect(existsSync(join(reports, name)), name).toBe(true);
    }
    expect(JSON.parse(readFileSync(join(reports, 'results.sarif'), 'utf8')).runs[0].results).toHaveLength(1);
    expect(readFileSync(join(folder, 'output'), 'utf8')).toBe('verdict=damaged\n');
    expect(readFileSync(join(folder, 'summary.md'), 'utf8')).toContain('# kvdoctor: ❌ Damaged');
  });

  it('takes redact, recovery and application', () => {
    const env = { KVDOCTOR_REDACT: 'keys', KVDOCTOR_RECOVERY: 'true', KVDOCTOR_APPLICATION: 'true' };
    const { status, reports } = step('fixtures/kvrocks-race-10/db', env);
    expect(status).toBe(1);
    const text = readFileSync(join(reports, 'report.json'), 'utf8');
    expect(JSON.parse(text).targets[0].recovery.length).toBeGreaterThan(3);
    expect(text).not.toContain('job:3:0');
  });

  it('every variable of an input is one that the step sets', () => {
    const inputs = [...read('action.yml').matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name]) => name);
    for (const [, name] of read('action.yml').matchAll(/inputs\.([a-z-]+)/g)) expect(inputs).toContain(name);
  });

  it('takes its inputs from variables', () => {
    expect(step('fixtures/kvrocks-race-10/db', { KVDOCTOR_FAIL_ON: 'never' }).status).toBe(0);
  });
});
