/** Settings of the loop with short intervals, so that tests do not wait long. */
export const QUICK_LOOP = {
  batch_wait_ms: 1,
  idle_check_ms: 100,
  check_interval_ms: 100,
  backoff_min_ms: 5,
  backoff_max_ms: 200,
  heartbeat_ms: 200,
  swap_look_ms: 50,
};
