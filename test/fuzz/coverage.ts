import { Session } from 'node:inspector/promises';

/** Blocks of our own code that have run in this thread, by V8's counters. */
export class Coverage {
  private readonly session = new Session();
  private readonly seen = new Set<string>();

  async start(): Promise<void> {
    this.session.connect();
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many blocks have run since the last call for the first time. */
  async fresh(): Promise<number> {
    const { result } = await this.session.post('Profiler.takePreciseCoverage');
    let fresh = 0;
    for (const { url, functions } of result) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          // eightfold counts are news as well: loops that ran for the first time, often, very often
          if (count === 0) continue;
          const key = `${url}:${startOffset}:${endOffset}:${Math.floor(Math.log2(count) / 3)}`;
          if (this.seen.has(key)) continue;
          this.seen.add(key);
          fresh++;
        }
      }
    }
    return fresh;
  }

  get blocks(): number {
    return this.seen.size;
  }

  stop(): void {
    this.session.disconnect();
  }
}
