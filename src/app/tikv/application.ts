import type { Application } from '../profile.js';
import { storeDirectories } from './data-directory.js';
import { tikvLogs } from './log-knowledge.js';
import { detectTikv } from './profile.js';

export const tikv: Application = {
  detect: detectTikv,
  logs: tikvLogs,
  directories: storeDirectories,
};
