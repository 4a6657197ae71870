import stringWidth from 'string-width';
import { printable } from '../printable.js';
import { byteSize, counted, offsetText } from '../quantity.js';
import type { EngineReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { paragraph } from './layout.js';

/** Things that could not be checked that are listed by name. */
const UNCHECKED_SHOWN = 10;

const engineNames: Record<EngineReport['name'], string> = {
  rocksdb: 'RocksDB',
  leveldb: 'LevelDB',
  pebble: 'Pebble',
  unknown: 'unknown engine',
};

const kindNames: Record<TargetReport['kind'], string> = {
  database: 'database',
  backup: 'backup directory',
  checkpoint: 'checkpoint',
  file: 'single file',
};

/** What was looked at: `/data/db   RocksDB 9.3.1 database, Kvrocks, 5 column families, recovery mode point-in-time`. */
export function targetHead(target: TargetReport, settings: RenderSettings): string {
  const { engine, application, options, columnFamilies, owner } = target;
  const version = engine.version === undefined ? '' : ` ${engine.version}`;
  const parts = [
    `${engineNames[engine.name]}${version} ${kindNames[target.kind]}`,
    application && `${application.name}${application.version === undefined ? '' : ` ${application.version}`}`,
    columnFamilies.length > 0 && counted(columnFamilies.length, 'column family', 'column families'),
    target.kind === 'database' && columnFamilies.length > 0 && `recovery mode ${options.walRecoveryMode}`,
    owner && `in use by process ${owner.pid}${owner.command === undefined ? '' : ` (${owner.command})`}`,
  ];
  const facts = printable(parts.filter((part) => part).join(', '));
  const path = printable(target.path);
  const head = settings.palette.strong(path);
  // a long path has a line of its own, or there would be no room beside it
  if (stringWidth(path) > settings.width / 3) return `${head}\n${paragraph(facts, settings.width, '  ')}\n`;
  return `${paragraph(facts, settings.width, `${head}   `)}\n`;
}

/** What could not be checked, with the reasons. */
export function uncheckedText({ unchecked }: TargetReport, settings: RenderSettings): string {
  if (unchecked.length === 0) return '';
  const shown = settings.verbose ? unchecked : unchecked.slice(0, UNCHECKED_SHOWN);
  const lines = shown.map(({ file, reason, offset, length }) => {
    const range =
      offset === undefined ? '' : ` at ${offsetText(offset)}${length ? `, ${byteSize(length)}` : ''}`;
    return paragraph(
      printable(`${file}${range}: ${reason}`),
      settings.width,
      `${settings.palette.warning('unchecked')} `,
    );
  });
  const more = unchecked.length - shown.length;
  if (more > 0) lines.push(settings.palette.dim(`  … and ${counted(more, 'more')} (--verbose shows them)`));
  return `${lines.join('\n')}\n\n`;
}
