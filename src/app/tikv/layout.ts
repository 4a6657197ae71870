import type { Store } from './load.js';
import type { TikvFamily } from './region-text.js';

/** How a database of TiKV is to be read. */
export interface TikvLayout {
  /** What is in a column family, by its id. */
  families: ReadonlyMap<number, TikvFamily>;
  /** As it was when the profile was made. */
  store: Store;
}
