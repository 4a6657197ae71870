import { TargetError } from '../target-error.js';

/** What keeps an object store from being read. */
type StoreErrorKind =
  | 'bad-address'
  | 'no-package'
  | 'no-credentials'
  | 'refused-credentials'
  | 'no-rights'
  | 'no-bucket'
  | 'nothing-there'
  | 'no-answer'
  | 'changed'
  | 'refused'
  | 'wrong-answer';

/** As codes of the system look, so that whoever tells a medium that fails from a fault of ours can tell these, too. */
const codes: Record<StoreErrorKind, string> = {
  'bad-address': 'ENOENT',
  'no-package': 'EPACKAGE',
  'no-credentials': 'ECREDENTIALS',
  'refused-credentials': 'ECREDENTIALS',
  'no-rights': 'ERIGHTS',
  'no-bucket': 'ENOENT',
  'nothing-there': 'ENOENT',
  'no-answer': 'EANSWER',
  changed: 'ECHANGED',
  refused: 'EREFUSED',
  'wrong-answer': 'EANSWER',
};

/** Why something in an object store cannot be read, in a sentence for a person that names no path. */
export class StoreError extends TargetError {
  constructor(
    readonly reason: StoreErrorKind,
    path: string,
    message: string,
  ) {
    super(codes[reason] === 'ENOENT' ? 'not-found' : 'unreadable', path, codes[reason]);
    this.message = message;
  }
}

const expired = 'the credentials for the object store have expired';
const elsewhere = 'the bucket lies in another region than requests are signed for: set AWS_REGION';

/** Answers that say more than their status does. */
const answers: Readonly<Record<string, [reason: StoreErrorKind, sentence: string]>> = {
  AuthorizationHeaderMalformed: ['refused-credentials', elsewhere],
  ExpiredToken: ['refused-credentials', expired],
  ExpiredTokenException: ['refused-credentials', expired],
  IllegalLocationConstraintException: ['refused-credentials', elsewhere],
  InvalidObjectState: [
    'refused',
    'the object is in an archive class: it must be restored before it can be read',
  ],
  PermanentRedirect: ['refused-credentials', elsewhere],
  RequestTimeTooSkewed: [
    'refused-credentials',
    'the clock of this machine is too far from that of the object store',
  ],
  TokenRefreshRequired: ['refused-credentials', expired],
};

/** Answers that say that the credentials themselves are not taken. */
const refusals: ReadonlySet<string> = new Set([
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

interface Answer {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/** What was asked, for the sentence. */
interface Asked {
  /** `s3://bucket/key`. */
  path: string;
  bucket: string;
  endpoint: string;
}

/** What the SDK was rejected with as an error of the store; what is neither an answer nor a failed connection is a fault of ours. */
export function storeError(error: unknown, { path, bucket, endpoint }: Asked): unknown {
  if (error instanceof StoreError) return error;
  const { name = '', code, $metadata } = error as Answer;
  const status = $metadata?.httpStatusCode;
  const told = (reason: StoreErrorKind, message: string) => new StoreError(reason, path, message);
  if (name === 'CredentialsProviderError')
    return told(
      'no-credentials',
      'no credentials for the object store are found: environment, profile, role',
    );
  if (Object.hasOwn(answers, name)) {
    const [reason, sentence] = answers[name];
    return told(reason, `${sentence} (${name})`);
  }
  if (refusals.has(name) || status === 401)
    return told('refused-credentials', `the object store does not take the credentials (${name})`);
  if (name === 'NoSuchBucket') return told('no-bucket', `there is no bucket ${bucket}`);
  if (name === 'InvalidBucketName') return told('no-bucket', `no bucket can be called ${bucket} (${name})`);
  if (status === 403)
    return told(
      'no-rights',
      `the credentials do not allow it (${name}): s3:ListBucket on ${bucket} and s3:GetObject on its objects are needed`,
    );
  if (name === 'NoSuchKey' || status === 412 || status === 416)
    return told('changed', 'the object was replaced or removed after it was listed');
  if (status !== undefined && status >= 500)
    return told('no-answer', `the object store at ${endpoint} fails (${name}, status ${status})`);
  if (status === 429 || name === 'SlowDown')
    return told('no-answer', `the object store at ${endpoint} asks to slow down, again and again (${name})`);
  if (status !== undefined && status >= 300)
    return told('refused', `the object store does not give it (${name}, status ${status})`);
  if (name === 'TimeoutError')
    return told('no-answer', `the object store at ${endpoint} does not answer (${name})`);
  if (code !== undefined)
    return told('no-answer', `the object store at ${endpoint} cannot be reached (${code})`);
  return error;
}
