import fs from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/support/repository.js';
import { crowds } from './limits-crowds.js';
import { type LimitInput, inputs as single } from './limits-inputs.js';
import { type Run, run } from './measure.js';

/*
 * Peak memory and processor time of every command on inputs that are hostile or very large:
 *   npm run limits -- [--only REGEX] [--commands REGEX] [--seconds 60] [--keep] [--write]
 * --write puts the rows that were measured into docs/limits.md and leaves the others there. An input lies in tmp/limits while it
 * is measured, and stays there with --keep.
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

const inputs = [...single, ...crowds];

/** What kvdoctor promises. */
const MEMORY = 512 * 2 ** 20;
/** Where a run is killed: it has broken the promise long before. */
const BOUNDS = { seconds: Number(values.seconds), bytes: 2 * 2 ** 30 };

function commandsFor({ inspects, is }: LimitInput, target: string): [string, string[]][] {
  const out = `${target}.out`;
  const scan: [string, string[]] = ['scan', ['scan', target, '--no-progress']];
  if (is === 'archive') return [scan];
  if (is === 'report')
    return [
      ['render', ['render', target]],
      ['merge', ['merge', target, '--format', 'json']],
    ];
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
function holds({ processor, peak, status, said }: Run): boolean {
  const works = status !== null && status <= 5 && !/internal error/.test(said);
  return works && peak <= MEMORY && processor <= BOUNDS.seconds;
}

/** The first line that says what was not looked at, as the command writes it. */
function limitStated({ status, said }: Run): string {
  if (status === null) return 'ended by the bench';
  const line =
    status === 3 ? /^(?:unchecked|kvdoctor:|not looked at:) .*(?:\n {4,}.*)*/m.exec(said)?.[0] : undefined;
  return line === undefined
    ? ''
    : line
        .replace(/\s+/g, ' ')
        .replaceAll('|', '\\|')
        .replaceAll(`${inRepository('tmp/limits')}/`, '');
}

/** The cells that tell a row from the others. */
const cellsOf = (input: LimitInput, command: string) => `| ${input.about} | \`${command}\` |`;

function row(input: LimitInput, command: string, measured: Run): string {
  const { processor, peak, status } = measured;
  const cells = [
    status === null ? `over ${processor.toFixed(1)} s` : `${processor.toFixed(1)} s`,
    `${Math.round(peak / 2 ** 20)} MiB`,
    status === null ? '' : String(status),
    holds(measured) ? 'yes' : '**no**',
    limitStated(measured),
  ];
  return `${cellsOf(input, command)} ${cells.join(' | ')} |`;
}

/** Puts rows into the table: in place of those of the same input and command, all in the order of the inputs. */
function write(measured: ReadonlyMap<string, string>): void {
  const file = inRepository('docs/limits.md');
  const text = fs.readFileSync(file, 'utf8');
  const parts = /^([\s\S]*<!-- figures -->\n)([\s\S]*)(<!-- end of figures -->[\s\S]*)$/.exec(text);
  if (!parts) throw new Error(`${file} has no place for the figures`);
  const before = parts[2].split('\n').filter((line) => line.startsWith('| '));
  const rows = inputs.flatMap((input) =>
    commandsFor(input, '').flatMap(([command]) => {
      const cells = cellsOf(input, command);
      return measured.get(cells) ?? before.find((line) => line.startsWith(cells)) ?? [];
    }),
  );
  fs.writeFileSync(file, `${parts[1]}\n${[...head, ...rows].join('\n')}\n\n${parts[3]}`);
}

const head = [
  `${os.cpus()[0].model}, ${os.cpus().length} cores, Node ${process.version}.`,
  '',
  '| input | command | processor time | peak memory | exit status | within the limits | what was not looked at, as it says |',
  '| --- | --- | ---: | ---: | ---: | --- | --- |',
];
const rows = new Map<string, string>();
for (const line of head) console.log(line);
const folder = inRepository('tmp/limits');
fs.mkdirSync(folder, { recursive: true });
const only = new RegExp(values.only);
const wanted = new RegExp(values.commands);
for (const input of inputs.filter(({ name }) => only.test(name))) {
  const target = `${folder}/${input.name}${input.is === 'archive' ? '.tar' : ''}`;
  if (!fs.existsSync(target)) await input.make(target);
  for (const [name, args] of commandsFor(input, target)) {
    if (!wanted.test(name)) continue;
    const measured = await run([process.execPath, inRepository('bin/kvdoctor.js'), ...args], BOUNDS);
    const line = row(input, name, measured);
    rows.set(cellsOf(input, name), line);
    console.log(line);
    if (values.write) write(rows);
    fs.rmSync(`${target}.out.ndjson`, { force: true });
  }
  if (!values.keep) fs.rmSync(target, { recursive: true, force: true });
}
