import { append } from '../bytes/append.js';
import { decodeEntity } from '../format/batch/entity.js';
import { VALUE_TYPE, valueTypeName } from '../format/sst/internal-key.js';
import { END, LOAD, type Problem } from '../lsm/cursor.js';
import { sequenceOfTrailer } from '../lsm/key-order.js';
import type { SourceWalk, View } from '../lsm/view.js';
import { type ExportedEntry, type ExportSink, FlushMeter } from './entries.js';

/** What became of a column family that was written version by version. */
interface ExportedVersions {
  entries: number;
  complete: boolean;
  problems: Problem[];
}

/**
 * Gives a sink every version that stands in the WALs and in each table, one source after the other and each in its own order. So
 * what cannot be merged, because only the application knows which keys are equal, is exported all the same.
 */
export async function exportVersions(
  view: View,
  columnFamily: number,
  sink: ExportSink,
  lenient: boolean,
): Promise<ExportedVersions> {
  const result: ExportedVersions = { entries: 0, complete: true, problems: [] };
  for (const source of view.separately(columnFamily, lenient)) {
    await exportSource(source, sink, result);
    const { stopped, kept } = source.problems;
    append(result.problems, kept);
    if (!stopped) continue;
    result.complete = false;
    break;
  }
  return result;
}

async function exportSource(source: SourceWalk, sink: ExportSink, result: ExportedVersions): Promise<void> {
  const { entries, tombstones, problems, blobs } = source;
  const meter = new FlushMeter();
  try {
    for (let step = entries.step(); step !== END && !problems.stopped; step = entries.step()) {
      if (step === LOAD) {
        await entries.load();
        continue;
      }
      const { current } = entries;
      const { keyBytes, keyFrom, keyTo, valueBytes, valueFrom, valueTo, high, low, file, blobFiles } =
        current;
      if (!source.isSeen(high, low)) continue;
      const key = keyBytes.subarray(keyFrom, keyTo);
      const type = low & 0xff;
      let entry: ExportedEntry;
      let value = valueBytes.subarray(valueFrom, valueTo);
      if (type === VALUE_TYPE.blobIndex || blobFiles !== undefined) {
        const own = key.slice();
        const read = await blobs.read(value.slice(), own, file, blobFiles);
        if (read.problem !== undefined) {
          if (problems.add(read.problem)) continue;
          break;
        }
        entry = { key: own, value: read.value, sequence: sequenceOfTrailer(high, low) };
        put(sink, entry, VALUE_TYPE.put, file);
      } else {
        if (type === VALUE_TYPE.timedPut) value = value.subarray(0, Math.max(0, value.length - 8));
        entry = { key, value, sequence: sequenceOfTrailer(high, low) };
        put(sink, entry, type, file);
      }
      result.entries++;
      if (meter.isDue(entry)) await sink.flush();
    }
    for (const { start, end, high, low } of tombstones.all()) {
      const entry = { key: start.userKey, value: end.userKey, sequence: sequenceOfTrailer(high, low) };
      put(sink, entry, VALUE_TYPE.rangeDelete, source.file);
      result.entries++;
    }
    await sink.flush();
  } finally {
    await entries.close();
    await blobs.close();
  }
}

function put(sink: ExportSink, entry: ExportedEntry, type: number, file: string): void {
  const entity = type === VALUE_TYPE.entity ? decodeEntity(entry.value) : undefined;
  const columns = entity?.anomalies.length === 0 ? entity.columns : undefined;
  sink.entry({ ...entry, ...(columns && { columns }), version: { type: valueTypeName(type), file } });
}
