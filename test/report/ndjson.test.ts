import { describe, expect, it } from 'vitest';
import { ndjsonReporter } from '../../src/report/ndjson.js';
import { rendered, reports } from './reports.js';
import { checksumMismatch, missingTable, obsolete, report, target } from './sample.js';

const parsed = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('NDJSON', () => {
  it.each(Object.keys(reports))(
    '%s: every line is an object with a type, the summary is last',
    async (name) => {
      const lines = parsed(rendered('ndjson', await reports[name]()));
      expect(lines[0].type).toBe('run');
      expect(lines.at(-1).type).toBe('summary');
    },
  );

  it('findings come once: those that came as they were found do not come again', () => {
    const reporter = ndjsonReporter();
    const early = reporter.found!(checksumMismatch, '/data/db');
    const late = [...reporter.render(report())].join('');
    expect(parsed(early).map(({ type }) => type)).toEqual(['run', 'finding']);
    const rules = parsed(late).flatMap(({ type, rule }) => (type === 'finding' ? [rule] : []));
    expect(rules).toEqual([missingTable.rule, obsolete.rule]);
  });

  it('what was found and is not in the report is withdrawn', () => {
    const reporter = ndjsonReporter();
    reporter.found!(checksumMismatch, '/data/db');
    const lines = parsed([...reporter.render(report(target({ findings: [] })))].join(''));
    expect(lines[0]).toMatchObject({
      type: 'withdrawn',
      target: '/data/db',
      message: checksumMismatch.message,
    });
  });
});
