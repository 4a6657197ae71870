import fs from 'node:fs';
import path from 'node:path';
import type { Finding, Severity } from '../../src/finding/finding.js';
import { inRepository } from './repository.js';

/** A damaged database and what a scan must find in it; fixtures/README.md shows the form. */
export interface DamageCase {
  /** `wal/flipped-bit`: path below fixtures/cases without its ending. */
  name: string;
  /** Leading comment. */
  story: string;
  base: string;
  patches: string[];
  /** What to scan, relative to the copy. Default: all of it. */
  target: string;
  /** Expected findings, one line each, as `findingLine` writes them. */
  expected: string[];
  /** Files that the scan must say it could not look at. */
  unchecked: string[];
  options: Record<string, string>;
}

const SEVERITIES: readonly string[] = ['error', 'warning', 'note'] satisfies Severity[];

function normalised(line: string): string {
  const [severity, rule, file, place] = line.split(/\s+/);
  if (!place) return [severity, rule, file].join(' ');
  const [offset, length] = place.split('+');
  return `${severity} ${rule} ${file} 0x${Number(offset).toString(16)}+${Number(length)}`;
}

/** A finding as a case states it. */
export function findingLine(finding: Finding): string {
  const place =
    finding.offset === undefined ? '' : ` 0x${finding.offset.toString(16)}+${finding.length ?? 0}`;
  return `${finding.severity} ${finding.rule} ${finding.file}${place}`;
}

function parseCase(name: string, text: string): DamageCase {
  const parsed: DamageCase = {
    name,
    story: '',
    base: '',
    patches: [],
    target: '.',
    expected: [],
    unchecked: [],
    options: {},
  };
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '') continue;
    const [word, rest] = [line.split(/\s+/)[0], line.replace(/^\S+\s*/, '')];
    if (word === '#') parsed.story += `${rest} `;
    else if (word === 'base') parsed.base = rest;
    else if (word === 'target') parsed.target = rest;
    else if (word === 'unchecked') parsed.unchecked.push(rest);
    else if (word === 'option') parsed.options[rest.split('=')[0]] = rest.split('=')[1];
    else if (SEVERITIES.includes(word)) parsed.expected.push(normalised(line));
    else parsed.patches.push(line);
  }
  if (!parsed.base) throw new Error(`${name} names no base`);
  return parsed;
}

const folder = inRepository('fixtures/cases');

/** Every case under fixtures/cases, by name. */
export function damageCases(): DamageCase[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) =>
      parseCase(
        file.split(path.sep).join('/').slice(0, -4),
        fs.readFileSync(path.join(folder, file), 'utf8'),
      ),
    );
}

/** Writes what a scan found into the case, in place of what it expected. For a person to review with `git diff`. */
export function rewriteExpectations(damageCase: DamageCase, lines: readonly string[]): void {
  const file = path.join(folder, `${damageCase.name}.txt`);
  const kept = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !SEVERITIES.includes(line.split(/\s+/)[0]) && !line.startsWith('unchecked'));
  fs.writeFileSync(file, `${kept.join('\n').trimEnd()}\n\n${lines.map((line) => `${line}\n`).join('')}`);
}
