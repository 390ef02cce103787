#!/usr/bin/env bash
# Versions:  @opentelemetry/sdk-trace (npm) 2.12.1, @opentelemetry/api 1.9.1, Node 20.20.2 on Linux x64.
# Belief:    a span that begins at a given time, in milliseconds with fractions, and ends now lasts as long as the work
#            between the two.
# Behaviour: `end()` without a time takes the clock in whole milliseconds if the beginning was given. The end of a short
#            span often lies before its beginning; the SDK then sets its duration to 0 and says so only to its diagnostic
#            logger, which is off. Spans that get both times, or neither, last as long as their work.
# Output:    200 spans with work of 0.2 ms; duration 0: 153 with the beginning given, 0 with both times, 0 with none
# The check requires spans of duration 0 in the first group, and none in the others.
set -Eeuo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/api@1.9.1 @opentelemetry/sdk-trace@2.12.1

cat >run.cjs <<'END'
const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace');

const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const tracer = provider.getTracer('check');
const now = () => performance.timeOrigin + performance.now();

function work() {
  const until = performance.now() + 0.2;
  while (performance.now() < until);
}

/** Spans of duration 0 among 200. */
function zeros(options, endTime) {
  exporter.reset();
  for (let n = 0; n < 200; n++) {
    const span = tracer.startSpan('work', options());
    work();
    span.end(endTime());
  }
  return exporter.getFinishedSpans().filter(({ duration: [s, ns] }) => s === 0 && ns === 0).length;
}

const begun = zeros(() => ({ startTime: now() }), () => undefined);
const both = zeros(() => ({ startTime: now() }), now);
const none = zeros(() => ({}), () => undefined);
console.log(
  `200 spans with work of 0.2 ms; duration 0: ${begun} with the beginning given, ${both} with both times, ${none} with none`,
);
process.exitCode = begun > 0 && both === 0 && none === 0 ? 0 : 1;
END
node run.cjs
