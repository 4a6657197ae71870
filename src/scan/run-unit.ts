import { setTimeout } from 'node:timers/promises';
import type { ByteSource } from '../bytes/source.js';
import { checkFile } from '../check/check-file.js';
import { aroundUnreadable } from '../check/directory/unreadable.js';
import { findAlteration } from '../diagnose/alteration.js';
import { diagnoseUnit } from '../diagnose/diagnose.js';
import { deniedText } from '../io/file-user.js';
import { type RetryingSource, retryingSource } from '../io/retry.js';
import { openUnretried } from '../io/source.js';
import { systemCode } from '../io/target-error.js';
import { ChecksummingSource, metered } from '../io/wrappers.js';
import type { UnitOutcome, WorkUnit } from './unit.js';

/** Waits until the bytes read so far are no more than a pace in bytes per second allows. */
export function pacer(maxRead: number): (bytes: number) => Promise<void> {
  const startedAt = performance.now();
  let bytesRead = 0;
  return async (bytes) => {
    bytesRead += bytes;
    const ahead = (bytesRead / maxRead) * 1000 - (performance.now() - startedAt);
    if (ahead > 1) await setTimeout(ahead);
  };
}

/**
 * Runs one unit in this thread. Failures of the medium come back as outcomes; anything else that throws is a bug. `opened`: where
 * the bytes are, when it is not where the unit says.
 */
export async function runUnit(
  unit: WorkUnit,
  onRead: (bytes: number) => void,
  opened?: ByteSource,
): Promise<UnitOutcome> {
  let source: RetryingSource | undefined;
  try {
    const keepPace = unit.maxRead === undefined ? undefined : pacer(unit.maxRead);
    source = retryingSource(
      metered(opened ?? (await openUnretried(unit.source)), (bytes) => {
        onRead(bytes);
        return keepPace?.(bytes);
      }),
    );
    const whole = unit.checksum ? new ChecksummingSource(source) : undefined;
    let result = await checkFile(unit, whole ?? source);
    const crc = await whole?.checksum();
    // of bytes that could not be read it would say nothing
    if (crc !== undefined && source.unreadable.length === 0) result.crc = crc;
    const altered = await findAlteration(source, unit, result);
    if (altered !== undefined) result = { ...result, ...altered.result };
    await diagnoseUnit(altered?.source ?? source, unit, result);
    altered?.place(result);
    const findings = aroundUnreadable({ file: unit.context.file }, result.findings, source.unreadable);
    return { unit: unit.id, state: 'done', result: { ...result, findings } };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return { unit: unit.id, state: 'vanished' };
    if (code === undefined) throw error;
    return {
      unit: unit.id,
      state: 'unreadable',
      code,
      reason: deniedText(error) ?? (error as Error).message,
    };
  } finally {
    await source?.close();
  }
}
