import type { Command } from 'commander';
import { catalog } from '../../finding/catalog.js';
import { type NamedRule, ruleListText, ruleText } from '../../report/explain.js';
import type { RenderSettings } from '../../report/reporter.js';
import { rulesPage } from '../../report/rules-page.js';
import { choice } from '../choices.js';
import { type ColorChoice, colorChoices, paletteFor, wantsColour } from '../colour.js';
import { ExitStatus } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { nearest } from '../nearest.js';
import { stdoutWidth } from '../outputs.js';
import { streamSink } from '../sink.js';

interface ExplainFlags {
  format: 'text' | 'json' | 'markdown';
  color: ColorChoice;
}

const examples = `
Examples:
  kvdoctor explain                         all rules, a line each
  kvdoctor explain wal                     the rules about write-ahead logs
  kvdoctor explain wal/checksum-mismatch   one rule in full
  kvdoctor explain checksum                the rules with that word in their name`;

const rules: NamedRule[] = Object.entries(catalog).map(([id, rule]) => ({ id, ...rule }));

/** The rules that a name means: one by its id or the part after the area, else all of an area, else all with the word in it. */
function rulesNamed(name: string | undefined): NamedRule[] {
  if (name === undefined) return rules;
  const exact = rules.filter(({ id }) => id === name);
  if (exact.length > 0) return exact;
  const ofArea = rules.filter(({ id }) => id.startsWith(`${name}/`));
  if (ofArea.length > 0) return ofArea;
  const word = name.toLowerCase();
  const containing = rules.filter(({ id }) => id.includes(word));
  if (containing.length > 0) return containing;
  const near = nearest(
    word,
    rules.map(({ id }) => id),
  );
  const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'All rules: kvdoctor explain';
  throw new Failure(`there is no rule ${JSON.stringify(name)}`, ExitStatus.usage, hint);
}

function render(
  chosen: NamedRule[],
  named: boolean,
  format: ExplainFlags['format'],
  settings: RenderSettings,
): string {
  if (format === 'json') return `${JSON.stringify(chosen, null, 2)}\n`;
  if (format === 'markdown') return rulesPage(chosen);
  return named && chosen.length === 1 ? ruleText(chosen[0], settings) : ruleListText(chosen, settings);
}

/** Adds `kvdoctor explain` to the program. */
export function addExplain(program: Command, host: Host, done: (status: number) => void): void {
  program
    .command('explain')
    .description('what a rule means, how it comes about and what to do; without a name, all rules')
    .argument('[rule]', 'a rule, an area or a word')
    .addOption(choice('--format <format>', 'how to show it', ['text', 'json', 'markdown']).default('text'))
    .addOption(choice('--color <when>', 'colour the output', colorChoices).default('auto'))
    .addHelpText('after', examples)
    .action(async (name: string | undefined, { format, color }: ExplainFlags) => {
      const settings: RenderSettings = {
        width: stdoutWidth(host),
        palette: paletteFor(wantsColour(color, host.env, host.stdout)),
        verbose: false,
        quiet: false,
      };
      const sink = streamSink(host.stdout);
      await sink.write(render(rulesNamed(name), name !== undefined, format, settings));
      await sink.close();
      done(ExitStatus.ok);
    });
}
