// Sends spans, log records and metrics through the official OpenTelemetry SDK for Node and prints, as one JSON object, what it sent.
//
// usage: node send.mjs PROTOCOL ADDRESS SERVICE    PROTOCOL: http/json, http/protobuf or grpc; ADDRESS: HOST:PORT of that protocol

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, address, service] = process.argv.slice(2);
const PACKAGES = { 'http/json': 'http', 'http/protobuf': 'proto', grpc: 'grpc' };
const ITEMS = 20;
const FIRST_SECOND = Math.floor(Date.now() / 1000) - 3600;

async function exporter(signal, name, options) {
  const module = await import(`@opentelemetry/exporter-${signal}-otlp-${PACKAGES[protocol]}`);
  const path = { trace: 'traces', logs: 'logs', metrics: 'metrics' }[signal];
  const url = protocol === 'grpc' ? `http://${address}` : `http://${address}/v1/${path}`;
  return new module[name]({ url, ...options });
}

const resource = resourceFromAttributes({ 'service.name': service, 'service.version': '1.2.3', fleet: 7 });
const attributes = {
  text: 'grün ☃ "quoted" \\ \n',
  empty: '',
  whole: 9007199254740991,
  negative: -1,
  ratio: 0.1,
  yes: true,
  no: false,
  texts: ['a', 'b'],
  wholes: [1, 2],
  ratios: [0.5, 1.5],
};
const unixNano = ([seconds, nanoseconds]) => (BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)).toString();

async function sendSpans() {
  // gzip here, nothing elsewhere: both are asked of a server.
  const spans = await exporter('trace', 'OTLPTraceExporter', { compression: 'gzip' });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spans)] });
  const tracer = provider.getTracer('interop', '1.0');
  const sent = [];
  for (let number = 0; number < ITEMS; number += 1) {
    const start = [FIRST_SECOND + number, 123456789];
    const end = [FIRST_SECOND + number, 223456790];
    const parent = tracer.startSpan(`parent ${number}`, { kind: SpanKind.CONSUMER, attributes, startTime: start, root: true }, ROOT_CONTEXT);
    const linked = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED };
    const options = { kind: SpanKind.PRODUCER, startTime: start, links: [{ context: linked, attributes: { why: 'test' } }] };
    const child = tracer.startSpan('child', options, trace.setSpan(ROOT_CONTEXT, parent));
    child.addEvent('halfway', { share: 0.5 }, end);
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'did not work' });
    child.end(end);
    parent.end(end);
    for (const [span, parentSpanId] of [[parent, null], [child, parent.spanContext().spanId]]) {
      const { traceId, spanId } = span.spanContext();
      const kind = SpanKind[span.kind];
      sent.push({ trace_id: traceId, span_id: spanId, parent_span_id: parentSpanId, name: span.name, kind, start: unixNano(start) });
    }
  }
  await provider.shutdown();
  return sent;
}

async function sendLogs() {
  const logs = await exporter('logs', 'OTLPLogExporter', {});
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: logs })] });
  const logger = provider.getLogger('interop');
  const sent = [];
  for (let number = 0; number < ITEMS; number += 1) {
    const body = number % 2 ? { order: number, lines: [{ sku: 'x', ratio: 0.5 }], gone: false } : `line ${number}`;
    const timestamp = [FIRST_SECOND + number, 7];
    const record = { timestamp, observedTimestamp: timestamp, severityNumber: SeverityNumber.WARN, severityText: 'WARN', body };
    logger.emit({ ...record, eventName: 'order.placed', attributes: { ...attributes, number } });
    sent.push({ time: unixNano(timestamp), body, number });
  }
  await provider.shutdown();
  return sent;
}

async function sendMetrics() {
  const metrics = await exporter('metrics', 'OTLPMetricExporter', {});
  const provider = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })],
    views: [{ instrumentName: 'waits', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const meter = provider.getMeter('interop');
  const orders = meter.createCounter('orders', { unit: '{order}' });
  const ratio = meter.createGauge('ratio');
  const queue = meter.createUpDownCounter('queue');
  const sizes = meter.createHistogram('sizes', { unit: 'By', advice: { explicitBucketBoundaries: [5, 10] } });
  const waits = meter.createHistogram('waits');
  for (let number = 0; number < ITEMS; number += 1) {
    orders.add(number, { shop: `s${number}` });
    ratio.record(number / 4 + 0.1, { shop: `s${number}` });
    queue.add(number % 2 ? 1 : -1);
    sizes.record(number);
    waits.record(number + 0.5);
  }
  await provider.shutdown();
}

const sent = { items: ITEMS, attributes, spans: await sendSpans(), logs: await sendLogs() };
await sendMetrics();
console.log(JSON.stringify(sent));
