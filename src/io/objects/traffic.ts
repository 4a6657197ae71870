/** What was asked of object stores, and what they sent. */
export interface Traffic {
  requests: number;
  /** Bytes of objects. */
  bytes: number;
}

/** Of this thread, and of those that told it. */
const total: Traffic = { requests: 0, bytes: 0 };

export function addTraffic({ requests, bytes }: Traffic): void {
  total.requests += requests;
  total.bytes += bytes;
}

/** All since the thread began. */
export function trafficSoFar(): Traffic {
  return { ...total };
}
