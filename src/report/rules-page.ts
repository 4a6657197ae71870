import { type NamedRule, referenceUrl } from './explain.js';
import { groupedBy } from './text/group.js';

const areas: Record<string, string> = {
  directory: 'The directory: files that are missing, left over or not what their name says',
  engine: 'The engine: dialects and versions',
  io: 'Reading: what the disk or the system will not give',
  manifest: 'The MANIFEST and CURRENT',
  wal: 'Write-ahead logs',
  batch: 'Write batches',
  sequence: 'Sequence numbers',
  sst: 'Tables',
  blob: 'Blob files',
};

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

/** docs/rules.md: every rule of the catalogue, by area. */
export function rulesPage(rules: readonly NamedRule[]): string {
  const sections = [...groupedBy(rules, ({ id }) => id.split('/')[0])].map(
    ([area, ofArea]) => `## ${areas[area] ?? area}\n\n${ofArea.map(ruleSection).join('\n\n')}`,
  );
  const head = `# Rules

Every kind of finding, as \`kvdoctor explain RULE\` tells it. The severity is the usual one: a check raises or lowers it by what
the damage costs in this database (an error: the engine, in the database's own recovery mode, refuses to open, loses or misreads
acknowledged data; a warning: damaged or suspicious without such a loss; a note: worth knowing).

This page is made from the catalogue by \`npm run docs\`.`;
  return `${[head, ...sections].join('\n\n')}\n`;
}
