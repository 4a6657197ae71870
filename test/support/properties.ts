import fc from 'fast-check';

/** The properties meet the same inputs in every run, so that a run says something about the change and not about the day. */
const seed = Number(process.env.KVDOCTOR_SEED ?? 1);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
