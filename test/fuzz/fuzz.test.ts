import { describe, expect, it } from 'vitest';
import { type FuzzCase, keptCases, runCase } from './case.js';
import { minimised } from './minimise.js';

/** What `npm run fuzz` found, and what attackers tried, over and over: fixtures/fuzz. */
it.each(keptCases().map((kept) => [kept.name, kept] as const))(
  '%s ends as it should',
  async (_, kept) => {
    const { problem, status } = await runCase(kept);
    expect(problem).toBeUndefined();
    if (kept.name.startsWith('undo-')) expect(status).toBeGreaterThan(0);
  },
  120_000,
);

describe('the watch over a command', () => {
  const changing: FuzzCase = {
    about: '',
    base: 'basic-7.8',
    command: 'repair --yes --in-place --stopped --mode point-in-time {dir}',
    patches: ['flip 000019.log 0x60.3', 'append OPTIONS-000009 00', 'flip 000019.log 0x61.3'],
  };

  it('sees what is changed, and what is left beside', async () => {
    expect((await runCase(changing)).problem).toMatch(/^leaves case case\.kvdoctor-undo-/);
  });

  it('sees an exit status that no document has', async () => {
    expect((await runCase({ ...changing, command: 'scan --no-such-option {dir}' })).problem).toMatch(
      /^ends with 2/,
    );
  });

  it('wants damage under a checksum to be noticed', async () => {
    const still: FuzzCase = { ...changing, command: 'scan {dir}', patches: [], mustNotice: true };
    expect((await runCase(still)).problem).toMatch(/^notices nothing/);
    expect(
      (await runCase({ ...still, command: 'scan --fail-on note {dir}', patches: changing.patches })).problem,
    ).toBe(undefined);
  });

  it('takes patches away that a failure does not need', async () => {
    const { problem } = await runCase(changing);
    const { patches } = await minimised({ ...changing, about: problem! });
    expect(patches).toHaveLength(1);
  });
});
