import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import type { KvrocksLayout } from '../layout.js';

/** Holds what readers see against the rules of Kvrocks. */
export async function checkKvrocks(
  _view: View,
  _layout: KvrocksLayout,
  _found: (finding: Finding) => void,
): Promise<void> {}
