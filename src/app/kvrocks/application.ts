import type { Application } from '../profile.js';
import { listRace } from './list-race.js';
import { kvrocksLogs } from './log-knowledge.js';
import { detectKvrocks } from './profile.js';

export const kvrocks: Application = { detect: detectKvrocks, logs: kvrocksLogs, batchDefect: listRace };
