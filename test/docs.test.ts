import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalog } from '../src/finding/catalog.js';
import { rulesPage } from '../src/report/rules-page.js';
import { fakeHost, kvdoctor } from './cli/host.js';
import { inRepository, repositoryRoot } from './support/repository.js';

// `npm run docs` runs these tests with --update: pages are snapshots of what the tool says

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(inRepository('docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));
const textOf = (page: string) => readFileSync(inRepository(page), 'utf8');

/** A block that shows a command and what it prints. */
const consoleBlock = /^```console\n\$ kvdoctor (?<line>.*)\n[\s\S]*?^```$/gm;

/** Without what differs from run to run and from one place of the repository to another. */
const timeless = (shown: string) =>
  shown.replace(/ in \d+(\.\d+)? s\.$/gm, ' in 0.1 s.').replaceAll(`${repositoryRoot}/`, '');

async function refreshed(text: string): Promise<string> {
  let result = text;
  for (const { 0: block, groups } of text.matchAll(consoleBlock)) {
    const line = groups?.line ?? '';
    const { out, err } = await kvdoctor(line, fakeHost({ env: { COLUMNS: '100' } }));
    result = result.replace(
      block,
      () => `\`\`\`console\n$ kvdoctor ${line}\n${timeless(out + err).trimEnd()}\n\`\`\``,
    );
  }
  return result;
}

describe('the documentation', () => {
  it('docs/rules.md is the catalogue', async () => {
    const rules = Object.entries(catalog).map(([id, rule]) => ({ id, ...rule }));
    await expect(rulesPage(rules)).toMatchFileSnapshot(inRepository('docs/rules.md'));
  });

  it('docs/rules.md begins with an index of its rules by area', () => {
    const page = textOf('docs/rules.md');
    const headings = [...page.matchAll(/^#{2,3} (.+)$/gm)].map(([, heading]) => heading);
    const anchors = headings.map(
      (heading) =>
        `#${heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`,
    );
    const linked = [...page.matchAll(/\]\((#[^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(linked.sort()).toEqual(anchors.sort());
    expect(page.indexOf('](#')).toBeLessThan(page.indexOf('\n## '));
  });

  it.each(pages.filter((page) => page !== 'docs/rules.md' && textOf(page).includes('```console')))(
    '%s shows what the commands print',
    async (page) => {
      await expect(await refreshed(textOf(page))).toMatchFileSnapshot(inRepository(page));
    },
  );

  it.each(pages)('%s links to files that are there', (page) => {
    const links = [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      ([, link]) => link,
    );
    const broken = links.filter((link) => !existsSync(inRepository(dirname(page), link)));
    expect(broken).toEqual([]);
  });

  it.each(pages.filter((page) => page !== 'docs/rules.md'))('%s names rules that exist', (page) => {
    const areas = new Set(Object.keys(catalog).map((id) => id.split('/')[0]));
    const named = [...textOf(page).matchAll(/`([a-z]+)\/([a-z0-9-]+)`/g)].filter(([, area]) =>
      areas.has(area),
    );
    expect(named.map(([, area, name]) => `${area}/${name}`).filter((id) => !(id in catalog))).toEqual([]);
  });
});
