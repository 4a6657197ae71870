import { SingleBar } from 'cli-progress';
import { byteSize, duration } from '../finding/quantity.js';
import type { Output } from './host.js';

/** Work that ends sooner shows no bar. */
const PATIENCE_MS = 500;

/** A rate over less than this says nothing yet. */
const RATE_AFTER_MS = 1000;

/** How far a command is. */
interface Progress {
  /** Of all the work, 0 to 1. */
  share: number;
  /** Bytes read. */
  done: number;
  /** Bytes that are to be read, where they are known. */
  total?: number;
}

/** Shown while a command works. Every method may be called at any time and in any order. */
export interface ProgressBar {
  update(progress: Progress): void;
  /** Takes the bar away, for good. */
  end(): void;
}

const noBar: ProgressBar = { update() {}, end() {} };

/** `[#####-----]  52 %  210 MiB of 400 MiB  98.8 MiB/s  1.9 s left`, as much of it as fits. */
function barText({ share, done, total }: Progress, elapsed: number, width: number): string {
  const whole = Math.max(0, Math.min(1, share));
  const facts = [
    `${String(Math.floor(whole * 100)).padStart(3)} %`,
    byteSize(done) + (total === undefined ? '' : ` of ${byteSize(total)}`),
  ];
  if (elapsed > RATE_AFTER_MS && whole > 0) {
    facts.push(`${byteSize((done / elapsed) * 1000)}/s`, `${duration((elapsed / whole) * (1 - whole))} left`);
  }
  const text = facts.join('  ');
  const room = Math.min(30, width - text.length - 4);
  if (room < 5) return text.slice(0, width - 1);
  const filled = Math.round(whole * room);
  return `[${'#'.repeat(filled)}${'-'.repeat(room - filled)}] ${text}`;
}

/** A bar on `stream` when it is a terminal that can move its cursor, else nothing. */
export function progressBar(stream: Output, env: Readonly<Record<string, string | undefined>>): ProgressBar {
  if (!stream.isTTY || env.TERM === 'dumb') return noBar;
  const startedAt = Date.now();
  let progress: Progress = { share: 0, done: 0 };
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
    bar.start(1, progress.share);
  }, PATIENCE_MS);
  timer.unref();
  return {
    update(next) {
      progress = next;
      if (started && !ended) bar.update(next.share);
    },
    end() {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      if (started) bar.stop();
    },
  };
}
