/// <reference lib="dom" />
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { kvdoctor } from '../cli/host.js';
import { noChromium, openChromium } from '../support/chromium.js';
import { inRepository } from '../support/repository.js';
import { rendered, reports } from './reports.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A database with damage in a WAL, in tables, in the MANIFEST, and a table that is missing. */
function damagedDatabase(): string {
  const copy = join(folder, 'db');
  cpSync(inRepository('fixtures/basic-7.8'), copy, { recursive: true });
  const names = readdirSync(copy);
  const ending = (end: string) => names.filter((name) => name.endsWith(end));
  const flip = (name: string, offset: number, bit: number) => {
    const bytes = readFileSync(join(copy, name));
    bytes[offset] ^= 1 << bit;
    writeFileSync(join(copy, name), bytes);
  };
  const [manifest] = names.filter((name) => name.startsWith('MANIFEST'));
  flip(ending('.log')[0], 0x7c, 5);
  flip(ending('.sst')[0], 100, 2);
  flip(ending('.sst')[0], 600, 2);
  flip(manifest, statSync(join(copy, manifest)).size - 20, 1);
  rmSync(join(copy, ending('.sst')[2]));
  return copy;
}

describe('the page', () => {
  it.each(Object.keys(reports))(
    'of %s asks for nothing from elsewhere and holds no markup of names',
    async (name) => {
      const page = rendered('html', await reports[name]());
      const outside = page.replace(/<(style|script)>[\s\S]*?<\/\1>/g, '');
      expect(outside).not.toMatch(/<(link|img|iframe|object|embed|base)\b|src=|url\(|<b>&"|\u202e/);
      expect(outside).not.toContain('\u001b');
      expect(page).not.toMatch(/https?:\/\//);
      expect(page.match(/<details class="finding /g)?.length ?? 0).toBe(
        (await reports[name]()).targets.flatMap(({ findings }) => findings).length,
      );
    },
  );
});

describe.skipIf(noChromium)('in Chromium', () => {
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  let report: Report;
  const errors: string[] = [];
  const requests: string[] = [];
  const file = join(folder, 'page.html');

  beforeAll(async () => {
    const db = damagedDatabase();
    const json = join(folder, 'report.json');
    await kvdoctor(`scan ${db} --recovery --redact none --format html=${file} --format json=${json} -q`);
    report = JSON.parse(readFileSync(json, 'utf8'));
    browser = await openChromium();
    page = await browser.context.newPage();
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
  });
  afterAll(() => browser?.close());

  it('loads itself only, without an error', () => {
    expect(errors).toEqual([]);
    expect(requests).toEqual([pathToFileURL(file).href]);
  });

  it('draws each finding of a file where the JSON says that it lies', async () => {
    const marks = await page.locator('.map .mark').evaluateAll((all) =>
      all.map((mark) => {
        const bar = mark.parentElement!.getBoundingClientRect();
        const { left, width } = mark.getBoundingClientRect();
        const row = (mark.closest('.row') as HTMLElement).dataset;
        const { offset, length } = (mark as HTMLElement).dataset;
        return {
          file: row.file,
          offset,
          length,
          left: (left - bar.left) / bar.width,
          width: width / bar.width,
        };
      }),
    );
    const { files, findings } = report.targets[0];
    const placed = findings.filter(({ offset }) => offset !== undefined);
    expect(marks).toHaveLength(placed.length);
    for (const { file: name, offset = 0, length = 0 } of placed) {
      const { size } = files.find(({ path }) => path === name)!;
      const mark = marks.find((each) => each.file === name && each.offset === String(offset));
      expect(mark?.length).toBe(String(length));
      expect(mark!.left).toBeCloseTo(offset / size, 2);
      expect(mark!.width).toBeCloseTo(length / size, 2);
    }
  });

  it('draws sequence numbers and recovery modes to scale', async () => {
    const rows = await page.locator('.timeline .row').evaluateAll((all) =>
      all.map((row) => {
        const bar = row.querySelector('.bar')!.getBoundingClientRect();
        const span = row.querySelector('.span')?.getBoundingClientRect();
        const { name, mode, first, last, opens } = (row as HTMLElement).dataset;
        return {
          name,
          mode,
          first,
          last,
          opens,
          left: span && (span.left - bar.left) / bar.width,
          right: span && (span.right - bar.left) / bar.width,
        };
      }),
    );
    const { files, recovery = [] } = report.targets[0];
    const told = files.filter(({ sequences }) => sequences !== undefined);
    const lowest = Math.min(...told.map(({ sequences }) => Number(sequences!.first)));
    const ends = [
      ...told.map(({ sequences }) => Number(sequences!.last)),
      ...recovery.map(({ lastSequence }) => Number(lastSequence ?? 0)),
    ];
    const span = Math.max(...ends) - lowest + 1;
    for (const { path, sequences } of told) {
      const row = rows.find(({ name }) => name === path)!;
      expect(row.left).toBeCloseTo((Number(sequences!.first) - lowest) / span, 2);
      expect(row.right).toBeCloseTo((Number(sequences!.last) + 1 - lowest) / span, 1);
    }
    expect(rows.filter(({ mode }) => mode).map(({ mode, opens }) => [mode, opens])).toEqual(
      recovery.map(({ mode, opens }) => [mode, String(opens)]),
    );
  });

  it('draws every live table on its level, as it is', async () => {
    const drawn = await page.locator('.levels .box').evaluateAll((boxes) =>
      boxes.map((box) => {
        const level = (box.closest('.row') as HTMLElement).dataset.level;
        const family = (box.closest('.family') as HTMLElement).dataset.family;
        return `${family} L${level} ${(box as HTMLElement).dataset.file} ${box.className}`;
      }),
    );
    const { files, findings } = report.targets[0];
    const expected = files
      .filter(({ kind, use }) => kind === 'table' && use !== 'obsolete')
      .map(({ path, status, columnFamily, level }) => {
        const { evidence = {} } = findings.find((finding) => finding.file === path) ?? {};
        return `${columnFamily ?? evidence.columnFamily} L${level ?? evidence.level} ${path} box ${status}`;
      });
    expect(drawn.sort()).toEqual(expected.sort());
  });

  it('every finding can be reached from its mark, and opens', async () => {
    const links = await page.locator('.map a').all();
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const target = await link.getAttribute('href');
      await link.focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction((id) => {
        const details = document.querySelector(id) as HTMLDetailsElement | null;
        return details?.open && details.querySelector('summary') === document.activeElement;
      }, target!);
    }
  });

  it('filters by words and by severity, and moves with the keyboard', async () => {
    const visible = () => page.locator('.finding:not([hidden])').count();
    await page.keyboard.press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('/');
    await page.keyboard.type('000017.log checksum');
    await expect.poll(visible).toBe(1);
    expect(await page.locator('#count').textContent()).toBe('1 of 6 findings');
    await page.keyboard.press('Escape');
    await expect.poll(visible).toBe(6);
    await page.getByLabel(/errors/).uncheck();
    await expect.poll(visible).toBe(2);
    await page.getByLabel(/errors/).check();
    await page.locator('h1').click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    expect(await page.evaluate(() => document.activeElement?.closest('.finding')?.id)).toBe('f2');
  });

  it.each([
    ['desktop', 1280, 'light'],
    ['desktop', 1280, 'dark'],
    ['phone', 360, 'light'],
    ['phone', 360, 'dark'],
  ] as const)('nothing runs over the edge: %s, %d wide, %s', async (_, width, colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const wide = await page.evaluate(() => {
      const scrolls = (element: Element | null): boolean =>
        element !== null &&
        (getComputedStyle(element).overflowX !== 'visible' || scrolls(element.parentElement));
      return [...document.querySelectorAll('body *')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element))
        .map((element) => element.outerHTML.slice(0, 80));
    });
    expect(wide).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const [text, ground] = await page.evaluate(() => {
      const { color, backgroundColor } = getComputedStyle(document.body);
      return [color, backgroundColor].map((each) =>
        (each.match(/\d+/g) ?? []).map(Number).reduce((a, b) => a + b),
      );
    });
    expect(Math.abs(text - ground)).toBeGreaterThan(500);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('prints findings opened', async () => {
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    expect(await page.locator('.finding:not([open])').count()).toBe(0);
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    expect((await page.pdf()).subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('shows hostile names as text', async () => {
    const path = join(folder, 'hostile.html');
    writeFileSync(path, rendered('html', await reports['hostile names']()));
    await page.goto(pathToFileURL(path).href);
    expect(errors).toEqual([]);
    expect(await page.locator('.finding').first().textContent()).toContain('<b>&"\'`|*\\x1b[31m');
  });

  it('stays fast with 10,000 findings', async () => {
    const path = join(folder, 'many.html');
    const many = await reports['26,000 findings']();
    many.targets[0].findings.length = 10_000;
    writeFileSync(path, rendered('html', many));
    const started = performance.now();
    await page.goto(pathToFileURL(path).href);
    const loaded = performance.now();
    const filtered = await page.evaluate(() => {
      const search = document.querySelector('#search') as HTMLInputElement;
      search.value = '77.sst';
      const before = performance.now();
      search.dispatchEvent(new Event('input'));
      return new Promise<number>((done) => {
        const look = () => {
          if (/ of /.test(document.querySelector('#count')?.textContent ?? ''))
            requestAnimationFrame(() => done(performance.now() - before));
          else setTimeout(look, 5);
        };
        look();
      });
    });
    expect(await page.locator('.finding:not([hidden])').count()).toBe(100);
    // generous: several things share two cores in CI
    expect(loaded - started).toBeLessThan(15_000);
    expect(filtered).toBeLessThan(3000);
  });
});

if (noChromium) console.log(`pages are not looked at in a browser: ${noChromium}`);
