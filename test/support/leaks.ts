import { decodeSubkey, decodeUserKey } from '../../src/app/kvrocks/key.js';
import type { Profile } from '../../src/app/profile.js';
import { decodePartitionKey } from '../../src/app/restate/partition-keys.js';
import { invocationOf } from '../../src/app/restate/partition-text.js';
import { decodeMemcomparable } from '../../src/app/tikv/memcomparable.js';
import { userKeyText } from '../../src/app/tikv/table-key.js';
import type { Finding } from '../../src/finding/finding.js';
import { END, ENTRY } from '../../src/lsm/cursor.js';
import type { View } from '../../src/lsm/view.js';
import { redactFinding } from '../../src/report/redact.js';

/** Shorter ones stand in any report by chance. */
const SHORTEST = 5;

/** `snapshot`, `conf-state`: a report may have it as a word of its own. */
const plainWord = /^[a-z]+(-[a-z]+)*$/;

/** The spellings of keys, and of what applications take them for, that a report without keys must not have. */
export class KeySpellings {
  private readonly known = new Set<string>();

  add(key: Uint8Array): void {
    if (key.length < SHORTEST) return;
    const bytes = Buffer.from(key);
    for (const each of [bytes.toString('latin1'), bytes.toString('utf8')])
      if (each.trim().length >= SHORTEST && !plainWord.test(each)) this.known.add(each);
    this.known.add(bytes.toString('hex'));
    // the last characters depend on what follows
    this.known.add(bytes.toString('base64').replace(/=+$/, '').slice(0, -1));
  }

  /** A key with the parts that an application puts it together from. */
  addOf(key: Uint8Array, profile: Profile['name'] | undefined): void {
    this.add(key);
    if (profile === 'kvrocks') {
      for (const slots of [false, true]) {
        const subkey = decodeSubkey(key, slots);
        if (subkey !== undefined) for (const part of [subkey.key, subkey.subkey]) this.add(part);
        const user = decodeUserKey(key, slots);
        if (user !== undefined) this.add(user.key);
      }
    } else if (profile === 'tikv') {
      const user = key[0] === 0x7a ? decodeMemcomparable(key.subarray(1))?.bytes : undefined;
      if (user === undefined) return;
      this.add(user);
      this.known.add(userKeyText(user));
    } else if (profile === 'restate') {
      const decoded = decodePartitionKey(key);
      const invocation = decoded && invocationOf(decoded);
      if (invocation !== undefined) this.known.add(invocation);
      for (const { field, value } of decoded?.values ?? [])
        if (typeof value === 'object' && (field === 'id' || field === 'text')) this.add(value);
    }
  }

  /** All that readers see. */
  async addAll(view: View, profile: Profile['name'] | undefined): Promise<void> {
    for (const { id } of view.columnFamilies) {
      const visible = view.visible(id, { lenient: true });
      try {
        for (let step = visible.step(); step !== END; step = visible.step()) {
          if (step === ENTRY) this.addOf(visible.keyBytes.subarray(0, visible.keyTo), profile);
          else await visible.load();
        }
      } finally {
        await visible.close();
      }
    }
  }

  get count(): number {
    return this.known.size;
  }

  /** Those that a text has. */
  in(text: string): string[] {
    return [...this.known].filter((each) => text.includes(each));
  }
}

/** What of the keys of a view is left in findings that are to have none. */
export async function leaksOf(
  findings: readonly Finding[],
  view: View,
  profile: Profile['name'],
): Promise<string[]> {
  const keys = new KeySpellings();
  await keys.addAll(view, profile);
  return keys.in(JSON.stringify(findings.map((finding) => redactFinding(finding, 'keys'))));
}
