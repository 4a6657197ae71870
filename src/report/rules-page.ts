import { areaTitles } from '../finding/catalog.js';
import { type NamedRule, referenceUrl } from './explain.js';
import { groupedBy } from './text/group.js';

function ruleSection({ id, severity, title, meaning, origin, action, references = [] }: NamedRule): string {
  const links = references.map((reference) => {
    const url = referenceUrl(reference);
    return url === undefined ? reference : `[${reference}](${url})`;
  });
  const parts = [
    `### ${id}`,
    `**${title}** (${severity})`,
    meaning,
    `*How it comes about.* ${origin}`,
    `*What to do.* ${action}`,
    ...(links.length > 0 ? [`*References.* ${links.join(', ')}`] : []),
  ];
  return parts.join('\n\n');
}

/** Where GitHub puts a heading. */
function anchor(heading: string): string {
  return `#${heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')}`;
}

const titleOf = (area: string) => (areaTitles as Record<string, string>)[area];

/** docs/rules.md: every rule of the catalogue, by area, after an index. */
export function rulesPage(rules: readonly NamedRule[]): string {
  const areas = [...groupedBy(rules, ({ id }) => id.split('/')[0])];
  const index = areas.map(([area, ofArea]) => {
    const links = ofArea.map(({ id }) => `[${id.slice(area.length + 1)}](${anchor(id)})`);
    return `- [${titleOf(area)}](${anchor(titleOf(area))}), \`${area}/\`: ${links.join(', ')}`;
  });
  const sections = areas.map(
    ([area, ofArea]) => `## ${titleOf(area)}\n\n${ofArea.map(ruleSection).join('\n\n')}`,
  );
  const head = `# Rules

Every kind of finding, as \`kvdoctor explain RULE\` tells it. The severity is the usual one: a check raises or lowers it by what
the damage costs in this database (an error: the engine, in the database's own recovery mode, refuses to open, loses or misreads
acknowledged data; a warning: damaged or suspicious without such a loss; a note: worth knowing).

This page is made from the catalogue by \`npm run docs\`.`;
  return `${[head, index.join('\n'), ...sections].join('\n\n')}\n`;
}
