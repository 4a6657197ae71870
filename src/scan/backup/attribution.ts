import type { Unchecked } from '../../check/unit.js';
import type { Finding } from '../../finding/finding.js';

/** From the least to the worst. */
export const worse: Finding['severity'][] = ['note', 'warning', 'error'];

interface Entry {
  found: Finding;
  backups: number[];
}

/** Puts the findings of several backups together: one that several suffer from stands once, with the ids of them all. */
export class Attribution {
  /** Findings that are about no backup. */
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  private readonly entries = new Map<string, Entry>();

  add(id: number, findings: readonly Finding[], unchecked: readonly Unchecked[]): void {
    for (const found of findings) {
      const { rule, file, offset, length } = found;
      const key = [rule, file, offset, length, messageOf(found)].join('\0');
      const entry = this.entries.get(key);
      if (entry === undefined) {
        this.entries.set(key, { found, backups: [id] });
        continue;
      }
      if (worse.indexOf(found.severity) > worse.indexOf(entry.found.severity)) entry.found = found;
      if (!entry.backups.includes(id)) entry.backups.push(id);
    }
    for (const item of unchecked) {
      const known = this.unchecked.some(
        ({ file, reason, offset }) => file === item.file && reason === item.reason && offset === item.offset,
      );
      if (!known) this.unchecked.push(item);
    }
  }

  all(): Finding[] {
    const attributed = [...this.entries.values()].map(({ found, backups }) => ({
      ...found,
      evidence: { backups, ...found.evidence },
    }));
    return [...attributed, ...this.findings];
  }
}

/** Messages about files that are missing or wrong name the meta file, which is another for each backup. */
function messageOf({ rule, message }: Finding): string {
  return rule.startsWith('backup/') ? '' : message;
}
