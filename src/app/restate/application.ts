import type { Application } from '../profile.js';
import { restateLogs } from './log-knowledge.js';
import { detectRestate } from './profile.js';

export const restate: Application = { detect: detectRestate, logs: restateLogs };
