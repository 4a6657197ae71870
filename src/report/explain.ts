import { counted } from '../finding/quantity.js';
import type { Rule } from '../finding/rule.js';
import type { RenderSettings } from './reporter.js';
import { paint } from './text/finding.js';
import { groupedBy } from './text/group.js';
import { paragraph } from './text/layout.js';

/** A rule with its id. */
export type NamedRule = Rule & { id: string };

/** `facebook/rocksdb#12345` as an address; anything else as it is. */
export function referenceUrl(reference: string): string | undefined {
  const issue = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(reference);
  return issue === null ? undefined : `https://github.com/${issue[1]}/issues/${issue[2]}`;
}

/** One rule for a person: what it means, how it comes about, what to do. */
export function ruleText(rule: NamedRule, settings: RenderSettings): string {
  const { palette, width } = settings;
  const columns = Math.min(width, 100);
  const part = (title: string, text: string) =>
    `\n${palette.strong(title)}\n${text
      .split('\n')
      .map((line) => paragraph(line.trim(), columns, '  '))
      .join('\n')}\n`;
  const references = (rule.references ?? []).map((reference) => {
    const url = referenceUrl(reference);
    return url === undefined ? reference : `${reference}  ${url}`;
  });
  return [
    `${palette.strong(rule.id)}   ${paint(palette, rule.severity)(rule.severity)}\n${rule.title}\n`,
    part('What it means', rule.meaning),
    part('How it comes about', rule.origin),
    part('What to do', rule.action),
    references.length > 0 ? part('References', references.join('\n')) : '',
  ].join('');
}

/** The rules by area, a line each. */
export function ruleListText(rules: readonly NamedRule[], settings: RenderSettings): string {
  const { palette } = settings;
  const longest = Math.max(...rules.map(({ id }) => id.length));
  const areas = [...groupedBy(rules, ({ id }) => id.split('/')[0])].map(([area, ofArea]) => {
    const lines = ofArea.map(({ id, severity, title }) => {
      const name = `  ${id.padEnd(longest)}  `;
      return `${name}${paint(palette, severity)(severity.padEnd(7))}  ${title}`;
    });
    return `${palette.strong(area)}\n${lines.join('\n')}\n`;
  });
  return `${areas.join('\n')}\n${counted(rules.length, 'rule')}. One of them in full: kvdoctor explain RULE\n`;
}
