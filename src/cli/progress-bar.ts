import { SingleBar } from 'cli-progress';
import { byteSize, duration } from '../report/quantity.js';
import type { Output } from './host.js';

/** Work that ends sooner shows no bar. */
const PATIENCE_MS = 500;

/** A rate over less than this says nothing yet. */
const RATE_AFTER_MS = 1000;

/** How far a scan is. */
export interface Progress {
  /** Bytes read, and bytes that are to be read as far as is known yet. */
  done: number;
  total: number;
}

/** Shown while a command works. Every method may be called at any time and in any order. */
export interface ProgressBar {
  update(progress: Progress): void;
  /** Takes the bar away, for good. */
  end(): void;
}

const noBar: ProgressBar = { update() {}, end() {} };

/** `▕██████    ▏ 62 %  1.24 of 2.00 GiB  412 MiB/s  2 s left`, as long as fits. */
function barText({ done, total }: Progress, elapsed: number, width: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const facts = [
    `${String(Math.floor(share * 100)).padStart(3)} %`,
    `${byteSize(done)} of ${byteSize(total)}`,
  ];
  if (elapsed > RATE_AFTER_MS && done > 0) {
    const perMs = done / elapsed;
    facts.push(`${byteSize(perMs * 1000)}/s`, `${duration(Math.max(0, total - done) / perMs)} left`);
  }
  const text = facts.join('  ');
  const room = Math.min(30, width - text.length - 4);
  if (room < 5) return text.slice(0, width - 1);
  const filled = Math.round(share * room);
  return `[${'#'.repeat(filled)}${'-'.repeat(room - filled)}] ${text}`;
}

/** A bar on `stream` when it is a terminal that can move its cursor, else nothing. */
export function progressBar(stream: Output, env: Readonly<Record<string, string | undefined>>): ProgressBar {
  if (!stream.isTTY || env.TERM === 'dumb') return noBar;
  const startedAt = Date.now();
  let progress: Progress = { done: 0, total: 0 };
  let ended = false;
  const bar = new SingleBar({
    stream,
    format: () => barText(progress, Date.now() - startedAt, stream.columns ?? 80),
    clearOnComplete: true,
    linewrap: true,
    fps: 8,
  });
  let started = false;
  const timer = setTimeout(() => {
    started = true;
    bar.start(progress.total, progress.done);
  }, PATIENCE_MS);
  timer.unref();
  return {
    update(next) {
      progress = next;
      if (started && !ended) bar.update(next.done);
    },
    end() {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      if (started) bar.stop();
    },
  };
}
