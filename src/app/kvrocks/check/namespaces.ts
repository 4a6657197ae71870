import type { View } from '../../../lsm/view.js';
import { NAMESPACE_KEYS } from '../propagate.js';
import type { Fault } from './fault.js';
import { walkPrefix } from './walk.js';

/** The registered namespaces. `undefined` where the database does not hold them: they are in kvrocks.conf then. */
export async function registeredNamespaces(
  view: View,
  propagate: number,
  fault: (fault: Fault) => void,
): Promise<Set<string> | undefined> {
  let found: Set<string> | undefined;
  await walkPrefix(view, propagate, Buffer.from(NAMESPACE_KEYS), (rest, value) => {
    if (rest.length > 0) return false;
    found = namespacesIn(value);
    // tokens are passwords: nothing of the value is shown
    if (found === undefined) {
      fault({
        rule: 'kvrocks/malformed-namespaces',
        message: `The ${value.length} bytes of the table of namespaces are not JSON of tokens and their namespaces`,
        evidence: { bytes: value.length },
      });
    }
    return false;
  });
  return found;
}

function namespacesIn(value: Uint8Array): Set<string> | undefined {
  try {
    const table: unknown = JSON.parse(Buffer.from(value).toString());
    if (typeof table !== 'object' || table === null || Array.isArray(table)) return undefined;
    const names = Object.values(table);
    return names.every((name) => typeof name === 'string') ? new Set(names) : undefined;
  } catch {
    return undefined;
  }
}
