// OTLP/JSON: plain values become AnyValue, records become the body of a request to /v1/logs. Pure.

const DEEPEST = 8; // deeper is a cycle, or of no use in a table

/** A text that can be UTF-8: half a character, as cutting leaves it, would cost the whole request. */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** A value as AnyValue. */
export function anyValue(value, depth = 0) {
  switch (typeof value) {
    case 'string':
      return { stringValue: wellFormed(value) };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      if (Number.isSafeInteger(value)) return { intValue: String(value) };
      return { doubleValue: Number.isFinite(value) ? value : String(value) };
    case 'object':
      if (value === null) return {};
      if (value instanceof Date) return { stringValue: Number.isNaN(+value) ? '' : value.toISOString() };
      if (depth >= DEEPEST) return { stringValue: String(value) };
      if (Array.isArray(value)) return { arrayValue: { values: value.map((part) => anyValue(part, depth + 1)) } };
      return { kvlistValue: { values: keyValues(value, depth + 1) } };
    default:
      return { stringValue: String(value) };
  }
}

/** An object's members as a list of KeyValue; what is undefined, null or a function is left out. */
export function keyValues(members, depth = 0) {
  return Object.entries(members)
    .filter(([, value]) => value !== undefined && value !== null && typeof value !== 'function')
    .map(([key, value]) => ({ key: wellFormed(key), value: anyValue(value, depth) }));
}

/**
 * A log record as JSON text.
 *
 * @param {{name?: string, timeUs: number, severity: [number, string], body?: string, attributes: object[], late?: () => object,
 *   traceId?: string, spanId?: string}} record its attributes as `keyValues` gives them; `late` gives those that are known only now
 */
export function logRecord({ name, timeUs, severity, body, attributes, late, traceId, spanId }) {
  const time = `${timeUs}000`;
  const [severityNumber, severityText] = severity;
  const head = { timeUnixNano: time, observedTimeUnixNano: time, severityNumber, severityText, eventName: name, traceId, spanId };
  return JSON.stringify({ ...head, body: body && anyValue(body), attributes: [...attributes, ...keyValues(late?.() ?? {})] });
}

/** What stands around the records of a request: its text before them and behind them. */
export function envelope(resource, scope) {
  const whole = JSON.stringify({
    resourceLogs: [{ resource: { attributes: keyValues(resource) }, scopeLogs: [{ scope, logRecords: ['@'] }] }],
  });
  const cut = whole.lastIndexOf('"@"');
  return [whole.slice(0, cut), whole.slice(cut + 3)];
}
