// Sends spans, log records and metric points through the official OpenTelemetry SDK for Node until its input ends, then says what was delivered.
//
// usage: node outage.mjs PROTOCOL ADDRESS SERVICE    PROTOCOL: http/json, http/protobuf or grpc; ADDRESS: HOST:PORT of that protocol
//
// Prints one JSON object: for each signal the items whose export was reported as a success, and those whose export failed.

import { diag, ROOT_CONTEXT } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, address, service] = process.argv.slice(2);
const PACKAGES = { 'http/json': 'http', 'http/protobuf': 'proto', grpc: 'grpc' };
const QUEUE = { maxQueueSize: 100_000, maxExportBatchSize: 100, scheduledDelayMillis: 200 };
const ATTRIBUTES = { ratio: 0.5, text: 'grün ☃', texts: ['a', 'b'], yes: true };
const SUCCESS = 0;
const report = {};

diag.disable();

async function noted(signal, name, names) {
  const module = await import(`@opentelemetry/exporter-${signal === 'traces' ? 'trace' : signal}-otlp-${PACKAGES[protocol]}`);
  const outcomes = { delivered: [], failed: [] };
  report[signal] = outcomes;
  class Noted extends module[name] {
    export(items, done) {
      const named = names(items);
      super.export(items, (result) => {
        outcomes[result.code === SUCCESS ? 'delivered' : 'failed'].push(...named);
        done(result);
      });
    }
  }
  return new Noted({ url: protocol === 'grpc' ? `http://${address}` : `http://${address}/v1/${signal}` });
}

const unixNano = ([seconds, nanoseconds]) => (BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)).toString();
const points = ({ scopeMetrics }) =>
  scopeMetrics
    .flatMap(({ metrics }) => metrics.flatMap(({ dataPoints }) => dataPoints))
    .map(({ attributes, endTime }) => `${attributes.shop}@${unixNano(endTime)}`);

const resource = resourceFromAttributes({ 'service.name': service });
const spans = await noted('traces', 'OTLPTraceExporter', (items) => items.map((span) => span.spanContext().spanId));
const logs = await noted('logs', 'OTLPLogExporter', (items) => items.map((record) => String(record.attributes.number)));
const metrics = await noted('metrics', 'OTLPMetricExporter', points);
const tracing = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spans, QUEUE)] });
const logging = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: logs, ...QUEUE })] });
const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 200, exportTimeoutMillis: 190 });
const measuring = new MeterProvider({ resource, readers: [reader] });

const tracer = tracing.getTracer('outage');
const logger = logging.getLogger('outage');
const orders = measuring.getMeter('outage').createCounter('orders');
let number = 0;
// 20 spans, 20 log records and a measurement of 4 shops every 50 ms, until the input ends.
const sending = setInterval(() => {
  for (let shop = 0; shop < 4; shop += 1) orders.add(1, { shop: `s${shop}` });
  for (let item = 0; item < 20; item += 1) {
    number += 1;
    tracer.startSpan('work', { attributes: { ...ATTRIBUTES, number } }, ROOT_CONTEXT).end();
    logger.emit({ body: 'line', attributes: { ...ATTRIBUTES, number } });
  }
}, 50);

process.stdin.resume();
process.stdin.on('end', async () => {
  clearInterval(sending);
  await Promise.allSettled([tracing.shutdown(), logging.shutdown(), measuring.shutdown()]);
  process.stdout.write(JSON.stringify(report), () => process.exit(0));
});
