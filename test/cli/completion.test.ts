import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kvdoctor } from './host.js';

const has = (shell: string) => {
  try {
    execFileSync(shell, ['-c', 'true']);
    return true;
  } catch {
    return false;
  }
};

/** What bash offers when Tab is pressed after these words. */
async function offered(...words: string[]): Promise<string[]> {
  const { out } = await kvdoctor('completion bash');
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `${out}\nCOMP_WORDS=(kvdoctor ${quoted}); COMP_CWORD=${words.length}; _kvdoctor; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe.skipIf(!has('bash'))('bash', () => {
  it('completes commands', async () => {
    expect(await offered('sc')).toEqual(['scan']);
    expect(await offered('')).toContain('explain');
  });

  it('completes options and their words', async () => {
    expect(await offered('scan', '--de')).toEqual(['--depth']);
    expect(await offered('scan', '--depth', '')).toEqual(['structure', 'checksums', 'full']);
    expect(await offered('scan', '--fail-on', 'w')).toEqual(['warning']);
    expect(await offered('completion', 'z')).toEqual(['zsh']);
  });

  it('completes paths where a directory is asked for', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kvdoctor-completion-'));
    writeFileSync(join(dir, 'only'), '');
    expect(await offered('scan', `${dir}/o`)).toEqual([`${dir}/only`]);
    expect(await offered('scan', '--wal-dir', `${dir}/o`)).toEqual([`${dir}/only`]);
    rmSync(dir, { recursive: true });
  });
});

it.each(['zsh', 'fish'])('%s: names every command and option', async (shell) => {
  const { out, status } = await kvdoctor(`completion ${shell}`);
  expect(status).toBe(0);
  for (const name of ['scan', 'explain', 'completion', 'depth', 'fail-on', 'redact'])
    expect(out).toContain(name);
});

describe.skipIf(!has('zsh'))('zsh', () => {
  it('accepts the script', async () => {
    const { out } = await kvdoctor('completion zsh');
    execFileSync('zsh', ['-n'], { input: out });
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  it('completes commands, options and their words', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kvdoctor-completion-'));
    const script = join(dir, 'kvdoctor.fish');
    writeFileSync(script, (await kvdoctor('completion fish')).out);
    const offers = (line: string) =>
      execFileSync('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`], {
        encoding: 'utf8',
      })
        .split('\n')
        .map((offer) => offer.split('\t')[0])
        .filter(Boolean);
    expect(offers('kvdoctor sc')).toEqual(['scan']);
    expect(offers('kvdoctor scan --dep')).toEqual(['--depth']);
    expect(offers('kvdoctor scan --depth c')).toEqual(['checksums']);
    rmSync(dir, { recursive: true });
  });
});

it('an unknown shell is a usage error', async () => {
  const { status, err } = await kvdoctor('completion tcsh');
  expect(status).toBe(2);
  expect(err).toContain('bash, zsh, fish');
});
