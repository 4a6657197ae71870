import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StoreSettings } from '../bytes/source.js';

/** What commander makes of the options for targets in buckets. */
export interface StoreFlags {
  endpointUrl?: string;
  pathStyle?: true;
  requestPayer?: true;
  sseCKey?: string;
}

/** Bytes of a key of SSE-C: AES-256 is all that there is. */
const KEY = 32;

function url(text: string): string {
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('It takes a URL such as https://s3.example.org.');
  return text;
}

function customerKey(text: string): string {
  if (Buffer.from(text, 'base64').length !== KEY)
    throw new InvalidArgumentError('It takes a key of 32 bytes in base64.');
  return text;
}

/** Adds the options that say which object store s3:// is, and how it is asked. */
export function withStoreOptions(command: Command): Command {
  return command
    .addOption(new Option('--endpoint-url <url>', 'for s3://: another store than Amazon S3').argParser(url))
    .option(
      '--path-style',
      'for s3://: the bucket in the path of URLs, not in the host name (default with --endpoint-url)',
    )
    .option('--request-payer', 'for s3://: the one who asks pays, where the bucket wants that')
    .addOption(
      new Option(
        '--sse-c-key <key>',
        'for s3://: the key of SSE-C, in base64; better as KVDOCTOR_SSE_C_KEY, since others see a command line',
      ).argParser(customerKey),
    );
}

/** How the store is asked, as the library takes it. */
export function storeOf({ endpointUrl, pathStyle, requestPayer, sseCKey }: StoreFlags): {
  store?: StoreSettings;
} {
  const store: StoreSettings = {
    ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
    ...(pathStyle && { pathStyle: true }),
    ...(requestPayer && { requesterPays: true }),
    ...(sseCKey !== undefined && { customerKey: sseCKey }),
  };
  return Object.keys(store).length === 0 ? {} : { store };
}
