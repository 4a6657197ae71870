import { byteSize, counted, grouped, offsetText } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { EngineReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { textColumns } from './columns.js';
import { paragraph } from './layout.js';

/** Things that could not be checked that are listed by name. */
const UNCHECKED_SHOWN = 10;

export const engineNames = {
  rocksdb: 'RocksDB',
  leveldb: 'LevelDB',
  pebble: 'Pebble',
  'raft-engine': 'raft-engine',
};

const kindNames: Record<TargetReport['kind'], string> = {
  database: 'database',
  backup: 'backup directory',
  checkpoint: 'checkpoint',
  file: 'single file',
};

function whatItIs({ engine, kind }: TargetReport): string {
  if (engine.name === 'unknown') return kind === 'file' ? kindNames.file : '';
  const what = `${engineNames[engine.name]}${versionText(engine)} ${kindNames[kind]}`;
  const why = engine.versionBy && assumptions[engine.versionBy](engine);
  return why === undefined || kind === 'file' ? what : `${what} ${why}`;
}

/** The release is left out when no file states it. */
export function versionText({ version, versionBy }: EngineReport): string {
  return version === undefined || versionBy === 'tables' || versionBy === 'default' ? '' : ` ${version}`;
}

/** Where a release comes from that OPTIONS does not state. */
const assumptions: Record<
  NonNullable<EngineReport['versionBy']>,
  (engine: EngineReport) => string | undefined
> = {
  options: () => undefined,
  caller: () => '(release as asked for)',
  'info-log': ({ versionFrom }) => `(release from ${versionFrom})`,
  tables: ({ version, versionFrom }) => `(taken as ${version}, the newest that reads ${versionFrom})`,
  default: ({ version }) => `(taken as ${version}: nothing states a release)`,
};

/** What was looked at: `/data/db   RocksDB 9.3.1 database, Kvrocks, 5 column families, recovery mode point-in-time`. */
export function targetHead(target: TargetReport, { palette, width }: RenderSettings): string {
  const { application, options, columnFamilies, owner } = target;
  const parts = [
    whatItIs(target),
    application && `${application.name}${application.version === undefined ? '' : ` ${application.version}`}`,
    columnFamilies.length > 0 && counted(columnFamilies.length, 'column family', 'column families'),
    target.kind === 'database' &&
      target.engine.name !== 'leveldb' &&
      target.engine.name !== 'pebble' &&
      columnFamilies.length > 0 &&
      `recovery mode ${options.walRecoveryMode}`,
    owner && `in use by process ${owner.pid}${owner.command === undefined ? '' : ` (${owner.command})`}`,
  ];
  const facts = printable(parts.filter((part) => part).join(', '));
  const path = printable(target.path);
  const head = palette.strong(path);
  if (facts === '') return `${head}\n`;
  // a long path has its own line, otherwise there would be no room beside it
  if (textColumns(path) > width / 3) return `${head}\n${paragraph(facts, width, '  ')}\n`;
  return `${paragraph(facts, width, `${head}   `)}\n`;
}

/** What must be known before anything else. */
export function warningText({ doNotOpen }: TargetReport, { palette, width }: RenderSettings): string {
  if (doNotOpen === undefined) return '';
  return `${paragraph(palette.strong(printable(`Do not open it: ${doNotOpen}. Copy the directory first.`)), width, '')}\n\n`;
}

/** What could not be checked, with the reasons. */
export function uncheckedText({ unchecked }: TargetReport, settings: RenderSettings): string {
  if (unchecked.length === 0) return '';
  const shown = settings.verbose ? unchecked : unchecked.slice(0, UNCHECKED_SHOWN);
  const lines = shown.map(({ file, reason, offset, length }) => {
    const range =
      offset === undefined ? '' : ` at ${offsetText(offset)}${length ? `, ${byteSize(length)}` : ''}`;
    // "." is the target itself, which stands above
    const place = file === '.' ? '' : `${file}${range}: `;
    return paragraph(printable(place + reason), settings.width, `${settings.palette.warning('unchecked')} `);
  });
  const more = unchecked.length - shown.length;
  if (more > 0) lines.push(settings.palette.dim(`  … and ${grouped(more)} more (--verbose shows them)`));
  return `${lines.join('\n')}\n\n`;
}
