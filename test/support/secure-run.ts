/** `npm run test:secure`: the tests of whole systems on a nats-server on which accounts separate identities. */
export const SECURE = process.env.FRESHET_TEST_SECURE === '1';

/** Arguments of `freshet up` in such a run. */
export const SECURE_ARGS: readonly string[] = SECURE ? ['--secure'] : [];
