import type { Command } from 'commander';
import type { FailOn } from '../exit-status.js';
import type { Host } from '../host.js';
import { addOutputOptions, failOnOption, type OutputFlags, writeReport } from '../output-options.js';
import { readReport } from '../report-file.js';

const examples = `
Examples:
  kvdoctor render report.json                          as the scan would have shown it
  kvdoctor render report.json --format html=page.html  a page to look at and to hand on
  ssh host kvdoctor scan --format json db | kvdoctor render -

Exit status: as the scan's would have been; --fail-on never for 0.`;

/** Adds `kvdoctor render` to the program. */
export function addRender(program: Command, host: Host, done: (status: number) => void): void {
  const command = program
    .command('render')
    .description('turn a saved JSON report into any other format')
    .argument('<report>', 'a report that --format json wrote; - for standard input')
    .addOption(failOnOption().default('error'));
  addOutputOptions(command)
    .addHelpText('after', examples)
    .action(async (path: string, flags: OutputFlags & { failOn: FailOn }) => {
      done(await writeReport(flags, host, [], () => readReport(path)));
    });
}
