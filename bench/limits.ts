import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/support/repository.js';
import { inputs, type LimitInput } from './limits-inputs.js';
import { type Run, run } from './measure.js';

/*
 * Peak memory and time of every command on inputs that are hostile or very large:
 *   npm run limits -- [--only REGEX] [--commands REGEX] [--seconds 60] [--keep] [--write]
 * --write puts the figures into docs/limits.md. An input lies in tmp/limits while it is measured, and stays there with --keep.
 */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '.' },
    commands: { type: 'string', default: '.' },
    seconds: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

/** What kvdoctor promises. */
const MEMORY = 512 * 2 ** 20;
/** Where a run is killed: it has broken the promise long before. */
const BOUNDS = { seconds: Number(values.seconds), bytes: 2 * 2 ** 30 };

function commandsFor({ inspects, archive }: LimitInput, target: string): [string, string[]][] {
  const out = `${target}.out`;
  const scan: [string, string[]] = ['scan', ['scan', target, '--no-progress']];
  if (archive === true) return [scan];
  return [
    scan,
    ['simulate', ['simulate', target, '--no-progress']],
    ['find', ['find', '--key', 'k1', target, '--no-progress']],
    ['export', ['export', '--output', `${out}.ndjson`, target, '--no-progress']],
    ['repair', ['repair', '--strategy', 'auto', '--dry-run', target, '--no-progress']],
    ...(inspects === undefined
      ? []
      : ([['inspect', ['inspect', '--records', '--brief', `${target}/${inspects}`]]] as [
          string,
          string[],
        ][])),
  ];
}

/** An exit status that is not 0 by error of kvdoctor itself is none of these. */
function holds({ seconds, peak, status }: Run): boolean {
  return status !== null && status <= 5 && peak <= MEMORY && seconds <= BOUNDS.seconds;
}

function row(input: LimitInput, command: string, measured: Run): string {
  const { seconds, peak, status } = measured;
  const cells = [
    input.about,
    `\`${command}\``,
    status === null ? `over ${seconds.toFixed(0)} s` : `${seconds.toFixed(1)} s`,
    `${Math.round(peak / 2 ** 20)} MiB`,
    status === null ? 'ended by the bench' : String(status),
    holds(measured) ? 'yes' : '**no**',
  ];
  return `| ${cells.join(' | ')} |`;
}

function write(lines: readonly string[]): void {
  const file = inRepository('docs/limits.md');
  const text = fs.readFileSync(file, 'utf8');
  const parts = /^([\s\S]*<!-- figures -->\n)[\s\S]*(<!-- end of figures -->[\s\S]*)$/.exec(text);
  if (!parts) throw new Error(`${file} has no place for the figures`);
  fs.writeFileSync(file, `${parts[1]}\n${lines.join('\n')}\n\n${parts[2]}`);
}

const lines = [
  `${os.cpus()[0].model}, ${os.cpus().length} cores, Node ${process.version}.`,
  '',
  '| input | command | time | peak memory | exit status | within the limits |',
  '| --- | --- | ---: | ---: | ---: | --- |',
];
for (const line of lines) console.log(line);
const folder = inRepository('tmp/limits');
fs.mkdirSync(folder, { recursive: true });
const only = new RegExp(values.only);
const wanted = new RegExp(values.commands);
for (const input of inputs.filter(({ name }) => only.test(name))) {
  const target = `${folder}/${input.name}${input.archive === true ? '.tar' : ''}`;
  if (!fs.existsSync(target)) await input.make(target);
  for (const [name, args] of commandsFor(input, target)) {
    if (!wanted.test(name)) continue;
    const measured = await run([process.execPath, inRepository('bin/kvdoctor.js'), ...args], BOUNDS);
    lines.push(row(input, name, measured));
    console.log(lines[lines.length - 1]);
    fs.rmSync(`${target}.out.ndjson`, { force: true });
  }
  if (!values.keep) fs.rmSync(target, { recursive: true, force: true });
}
if (values.write) write(lines);
