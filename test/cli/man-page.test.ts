import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { manPage } from '../../src/cli/man-page.js';
import { makeProgram } from '../../src/cli/program.js';
import { hasProgram } from '../support/tools.js';
import { fakeHost } from './host.js';

const program = makeProgram(fakeHost(), () => {});
const page = manPage(program, { version: '1.2.3', date: '2026-01-02' });

describe('the manual page', () => {
  it('has every command and every option', () => {
    const plain = page.replaceAll('\\-', '-');
    for (const command of program.commands) {
      expect(plain).toContain(`.SS "kvdoctor ${command.name()}`);
      for (const { long } of command.options) expect(plain).toContain(`${long}`);
    }
  });

  it('holds no request but its own', () => {
    const requests = new Set([...page.matchAll(/^[.'](\w*)/gm)].map(([, name]) => name));
    expect([...requests].sort()).toEqual(['B', 'PP', 'SH', 'SS', 'TH', 'TP', 'fi', 'nf']);
  });

  it.skipIf(!hasProgram('groff'))('is taken by groff without a warning', () => {
    const text = execFileSync('groff', ['-man', '-Tutf8', '-ww', '-P-c'], {
      input: page,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    expect(text).toContain('KVDOCTOR(1)');
    expect(text).toContain('kvdoctor repair --mode point-in-time --dry-run');
  });
});
