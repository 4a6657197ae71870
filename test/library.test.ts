import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withDatabase } from './support/database.js';
import { inRepository } from './support/repository.js';

/* The examples of docs/library.md, run as they stand with the built package, and what they print. */

const page = readFileSync(inRepository('docs/library.md'), 'utf8');
const examples = [...page.matchAll(/^## (.+)\n[\s\S]*?```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/gm)].map(
  ([, title, code, output]) => ({ title, code, output }),
);

describe('docs/library.md', () => {
  it('has an example for every function that a command has', () => {
    expect(examples.map(({ title }) => title)).toEqual([
      'Scan',
      'Find',
      'Export',
      'Inspect',
      'Triage',
      'Compare',
      'Repair',
    ]);
  });

  it.each(examples)('$title', ({ title, code, output }) =>
    withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      // a package finds itself by its name from below its own directory
      const folder = inRepository('tmp/library');
      mkdirSync(folder, { recursive: true });
      const file = `${folder}/${title}.mjs`;
      writeFileSync(file, code.replaceAll('/var/lib/app/db', dir));
      try {
        const printed = execFileSync(process.execPath, [file], { encoding: 'utf8' });
        expect(printed.replaceAll(dir, '/var/lib/app/db')).toBe(output);
      } finally {
        rmSync(file);
      }
    }),
  );
});
