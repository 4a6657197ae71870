import { catalog } from '../finding/catalog.js';
import type { Rule } from '../finding/rule.js';
import { referenceUrl } from './explain.js';

/** A rule of the catalogue; a report that another version wrote may name rules that this one does not have. */
export function knownRule(id: string): Rule | undefined {
  return Object.hasOwn(catalog, id) ? (catalog as Record<string, Rule>)[id] : undefined;
}

/** All that is known of a rule, as Markdown. */
export function ruleHelpMarkdown({ meaning, origin, action, references = [] }: Rule): string {
  const links = references.map((reference) => {
    const url = referenceUrl(reference);
    return url === undefined ? reference : `[${reference}](${url})`;
  });
  return [
    meaning,
    `**How it comes about.** ${origin}`,
    `**What to do.** ${action}`,
    ...(links.length > 0 ? [`**References.** ${links.join(', ')}`] : []),
  ].join('\n\n');
}

/** The same as plain text. */
export function ruleHelpText({ meaning, origin, action, references = [] }: Rule): string {
  return [
    meaning,
    `How it comes about: ${origin}`,
    `What to do: ${action}`,
    ...(references.length > 0 ? [`References: ${references.join(', ')}`] : []),
  ].join('\n\n');
}
