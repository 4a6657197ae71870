import { boundGarbage } from './heap.js';
import { processHost } from './host.js';
import { run } from './run.js';

// kvdoctor says itself which Node.js it runs on
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
boundGarbage();

// not process.exit: what was written to a pipe must still get there
process.exitCode = await run(process.argv.slice(2), processHost);
