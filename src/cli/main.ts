import { setFlagsFromString } from 'node:v8';
import { processHost } from './host.js';
import { run } from './run.js';

// kvdoctor says itself which Node.js it runs on
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
// memory before speed: the collector lets garbage grow to a fifth of what lives, not to as much and more
if (process.versions.bun === undefined) setFlagsFromString('--heap-growing-percent=20');

// not process.exit: what was written to a pipe must still get there
process.exitCode = await run(process.argv.slice(2), processHost);
