/** What to do where deletions are lost, so that what they deleted would come back. */
export const tombstonePolicies = ['refuse', 'keep-hidden', 'accept'] as const;
export type TombstonePolicy = (typeof tombstonePolicies)[number];
