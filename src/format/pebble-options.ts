/**
 * OPTIONS-N of Pebble (pebble options.go): sections and `key=value` lines. Blank lines and those that begin with `;` or `#` are
 * skipped; any other line without an equals sign fails the open. Keys that a release does not know are skipped.
 */
import type { Anomaly } from '../finding/finding.js';
import type { OptionsFile, OptionsSection } from './options.js';

/** What Pebble compares with what it is opened with, or goes by. */
export interface PebbleOptions {
  comparer?: string;
  merger?: string;
  /** False: an older WAL may end anywhere. Releases from 2.0 on refuse then. */
  strictWalTail?: boolean;
  /** As of the last open: it may lag behind the marker. */
  formatVersion?: number;
  walDir?: string;
  /** Where logs go on while the disk of their own directory stalls (from 2.0 on). */
  secondaryDir?: string;
  /** Releases from 2.0 on write it. */
  keySchema?: string;
  /** It has none of the sections that end it: what it says no more is not known. */
  isCut: boolean;
}

const MAX_ANOMALIES = 20;

/** Parses an OPTIONS file. Never throws. */
export function parsePebbleOptions(bytes: Uint8Array): OptionsFile {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const sections: OptionsSection[] = [];
  const anomalies: Anomaly[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end).trim();
    const section = sections.at(-1);
    if (section) section.length = end - section.offset;
    if (/^\[.*\]$/.test(line)) {
      const [, title, argument] = /^\[\s*([^"]*?)\s*(?:"(.*)")?\s*\]$/.exec(line) ?? [];
      sections.push({
        title: title ?? line.slice(1, -1),
        ...(argument !== undefined && { argument }),
        values: new Map(),
        offset: start,
        length: end - start,
      });
    } else {
      const read = lineOf(line);
      if (read.kind === 'value') section?.values.set(read.key, read.value);
      else if (read.kind === 'invalid' && anomalies.length < MAX_ANOMALIES)
        anomalies.push(noEquals(line, start, end - start, text.slice(start, end).indexOf(line)));
    }
    start = end + 1;
  }
  if (!sections.some(({ title }) => title === 'Options')) {
    const message = 'section [Options] is missing';
    anomalies.push({ rule: 'directory/options-missing-section', offset: 0, length: text.length, message });
  }
  return { sections, anomalies };
}

type Line = { kind: 'value'; key: string; value: string } | { kind: 'other' | 'invalid'; key?: never };

/** What a line is, without white space around it. */
function lineOf(line: string): Line {
  if (line === '' || /^[;#]/.test(line) || /^\[.*\]$/.test(line)) return { kind: 'other' };
  const equals = line.indexOf('=');
  if (equals < 0) return { kind: 'invalid' };
  return { kind: 'value', key: line.slice(0, equals).trim(), value: line.slice(equals + 1).trim() };
}

/** A change to an OPTIONS file, in bytes of the file as it is. */
interface OptionsChange {
  offset: number;
  length: number;
  detail: string;
}

/**
 * The file without the lines that Pebble cannot read, and with another comparer and merger where they are given. Everything else stays as
 * it is, byte for byte.
 */
export function mendedPebbleOptions(
  bytes: Uint8Array,
  values: Pick<PebbleOptions, 'comparer' | 'merger'>,
): { bytes: Uint8Array; changes: OptionsChange[] } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const kept: string[] = [];
  const changes: OptionsChange[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(start, end);
    const { kind, key } = lineOf(line.trim());
    const value = key === 'comparer' || key === 'merger' ? values[key] : undefined;
    if (kind === 'invalid')
      changes.push({
        offset: start,
        length: end - start,
        detail: 'a line without an equals sign is left out',
      });
    else if (value === undefined) kept.push(line);
    else {
      kept.push(`  ${key}=${value}\n`);
      changes.push({ offset: start, length: end - start, detail: `the ${key} becomes ${value}` });
    }
    start = end;
  }
  return { bytes: Buffer.from(kept.join(''), 'latin1'), changes };
}

function noEquals(line: string, offset: number, length: number, indent: number): Anomaly {
  const change = flippedEquals(line);
  return {
    rule: 'directory/options-line',
    offset,
    length,
    message: 'a line has no equals sign',
    evidence: {
      engine: `invalid key=value syntax: ${JSON.stringify(line.slice(0, 64))}`,
      ...(change && { changes: [{ offset: offset + indent + change.at, bit: change.bit }] }),
    },
  };
}

/** Where a line has another character after a key of Pebble's, one bit away from an equals sign. */
function flippedEquals(line: string): { at: number; bit: number } | undefined {
  const key = /^[a-z_]*/.exec(line)![0];
  const bit = [0, 1, 2, 3, 4, 5, 6, 7].find((each) => line.charCodeAt(key.length) === (EQUALS ^ (1 << each)));
  return bit === undefined || !KEYS.has(key) ? undefined : { at: key.length, bit };
}

const EQUALS = 0x3d;

/** What 1.1.5 and 2.1.7 write (pebble options.go `String`). */
const KEYS: ReadonlySet<string> = new Set(
  (
    'block_restart_interval block_size block_size_threshold bytes_per_sync cache_size cleaner compaction_debt_concurrency ' +
    'compaction_garbage_fraction_for_max_concurrency comparer compression concurrent_compactions create_on_shared ' +
    'deletion_size_ratio_threshold disable_delete_only_compactions disable_elision_only_compactions ' +
    'disable_ingest_as_flushable disable_lazy_combined_iteration disable_wal elevated_write_stall_threshold_lag ' +
    'enable_columnar_blocks enabled filter_policy filter_type flush_delay_delete_range flush_delay_range_key ' +
    'flush_split_bytes force_writer_parallelism format_major_version free_space_threshold_bytes free_space_timeframe ' +
    'healthy_interval healthy_probe_latency_threshold index_block_size key_schema lbase_max_bytes level_multiplier ' +
    'max_blob_reference_depth max_concurrent_compactions max_concurrent_downloads max_manifest_file_size max_open_files ' +
    'max_writer_concurrency mem_table_size mem_table_stop_writes_threshold merger min_deletion_rate minimum_size ' +
    'multilevel_compaction_heuristic num_deletions_threshold obsolete_bytes_max_ratio obsolete_bytes_timeframe ' +
    'pebble_version primary_dir_probe_interval read_compaction_rate read_sampling_multiplier rewrite_minimum_age ' +
    'secondary_cache_size_bytes secondary_dir strict_wal_tail table_cache_shards table_property_collectors ' +
    'target_file_size target_garbage_ratio tombstone_dense_compaction_threshold unhealthy_operation_latency_threshold ' +
    'unhealthy_sampling_interval validate_on_ingest wal_bytes_per_sync wal_dir'
  ).split(' '),
);

/** The values that count. */
export function pebbleOptions({ sections }: OptionsFile): PebbleOptions {
  const values = sections.find(({ title }) => title === 'Options')?.values;
  const text = (name: string) => values?.get(name) || undefined;
  const strict = text('strict_wal_tail');
  const version = text('format_major_version');
  return {
    comparer: text('comparer'),
    merger: text('merger'),
    ...(strict !== undefined && { strictWalTail: strict !== 'false' }),
    ...(version !== undefined && /^\d{1,9}$/.test(version) && { formatVersion: Number(version) }),
    walDir: text('wal_dir'),
    // under the name of another section, too: logs that are there count
    secondaryDir:
      sections.map(({ values: own }) => own.get('secondary_dir')).find((named) => named) || undefined,
    isCut: !sections.some(({ title }) => title.startsWith('Level')),
    keySchema: text('key_schema'),
  };
}
