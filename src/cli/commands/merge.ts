import type { Command } from 'commander';
import type { StoreSettings } from '../../bytes/source.js';
import { expandPath } from '../../io/globs.js';
import { TEXT_LIMIT } from '../../io/text-file.js';
import type { Report } from '../../report/report.js';
import { buildReport } from '../../report/summary.js';
import { ExitStatus, exitStatusOf } from '../exit-status.js';
import { Failure } from '../failure.js';
import type { Host } from '../host.js';
import { addOutputOptions, failOnOption, type OutputFlags, writeReport } from '../output-options.js';
import { addPolicyOptions, loadPolicy, type Policy, type PolicyFlags } from '../policy.js';
import { readReport } from '../report-file.js';
import { type StoreFlags, storeOf, withStoreOptions } from '../store-options.js';

const examples = `
Examples:
  kvdoctor scan --shard 1/3 --format json=1.json db   and 2/3, 3/3, at the same time and anywhere
  kvdoctor merge 1.json 2.json 3.json                 as one scan would have reported it
  kvdoctor merge 'reports/*.json' --format junit=junit.xml
  kvdoctor merge --summary --pages site 's3://reports/night/*.json'   thousands of targets, one line each

Exit status: as one scan's would have been.`;

interface MergeFlags extends OutputFlags, PolicyFlags, StoreFlags {
  summary?: true;
  pages?: string;
}

async function filesOf(paths: readonly string[], store?: StoreSettings): Promise<string[]> {
  const files = (await Promise.all(paths.map((each) => expandPath(each, store)))).flat();
  if (files.length === 0) throw new Failure(`nothing matches ${paths.join(' ')}`);
  return files;
}

async function merged(paths: readonly string[], policy: Policy, store?: StoreSettings): Promise<Report> {
  const files = await filesOf(paths, store);
  const reports: Report[] = [];
  const budget = { left: TEXT_LIMIT };
  for (const file of files) reports.push(await readReport(file, budget, store));
  const { mergeReports, MergeError } = await import('../../scan/shards/merge.js');
  const targets = await mergeReports(reports).catch((error) => {
    if (!(error instanceof MergeError)) throw error;
    throw new Failure(`these reports do not go together: ${error.message}`, ExitStatus.usage);
  });
  const starts = reports.map(({ summary }) => Date.parse(summary.startedAt) || 0);
  const ends = reports.map(({ summary }, i) => starts[i] + summary.milliseconds);
  const first = Math.min(...starts);
  return buildReport(
    targets.map((target) => policy.apply(target, targets.length === 1)),
    {
      depth: reports[0].summary.depth,
      startedAt: new Date(first),
      milliseconds: Math.max(...ends) - first,
      interrupted: reports.some(({ summary }) => summary.interrupted),
    },
  );
}

/** Adds `kvdoctor merge` to the program. */
export function addMerge(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('merge')
    .description('put the reports of shards, or of several targets, together into one')
    .argument('<report...>', 'reports that --format json wrote, here or in s3://, or patterns of their names')
    .option('--summary', 'of thousands of targets: how many are damaged, the ten worst, how old they are')
    .option('--pages <dir>', 'write the summary as index.html there, and a page for each target')
    .addOption(failOnOption().default('error'));
  withStoreOptions(addOutputOptions(addPolicyOptions(command)))
    .addHelpText('after', examples)
    .action(async (paths: string[]) => {
      const policy = await loadPolicy(command, host);
      const flags = command.opts<MergeFlags>();
      const { store } = storeOf(flags);
      if (flags.summary || flags.pages !== undefined) {
        const json = flags.format?.some(({ format }) => format === 'json') ?? false;
        const { summarize } = await import('../fleet.js');
        const settings = {
          policy,
          json,
          ...(store && { store }),
          ...(flags.pages && { pages: flags.pages }),
        };
        return done(await summarize(await filesOf(paths, store), settings, host));
      }
      const statusOf = (report: Report) => exitStatusOf(report, policy.failOn);
      done(await writeReport(flags, host, [], () => merged(paths, policy, store), statusOf));
    });
}
