// What can be set, by `start({...})` or as data-attributes of the script's tag: `sampleRate` is `data-sample-rate`.

import { complain } from './guard.js';

/** Every setting with its default; README.md says what they mean. */
export const DEFAULTS = {
  endpoint: '',
  service: 'web',
  version: '',
  environment: '',
  token: '',
  sampleRate: 1,
  batchSize: 10,
  intervalMs: 5000,
  compress: true,
  honorDoNotTrack: true,
  storage: true,
  cookieDomain: '',
  pageSlug: '',
  disable: [],
  traceOrigins: [],
};

const LIMITS = { sampleRate: [0, 1], batchSize: [1, 500], intervalMs: [100, 600_000] };

/** What an attribute's text means, by the type of the default; undefined where it means nothing. */
function fromText(text, example) {
  if (Array.isArray(example)) return text.split(/[\s,]+/).filter(Boolean);
  if (typeof example === 'string') return text;
  try {
    return JSON.parse(text || 'true');
  } catch {
    return undefined;
  }
}

function isValid(name, value) {
  const example = DEFAULTS[name];
  if (name === 'pageSlug' && typeof value === 'function') return true;
  if (Array.isArray(example)) return Array.isArray(value);
  const [least, most] = LIMITS[name] ?? [-Infinity, Infinity];
  return typeof value === typeof example && (typeof value !== 'number' || (value >= least && value <= most));
}

/** Settings with the defaults of those that are absent or, which the console is told, wrong. */
export function readSettings(given) {
  const read = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    const known = name in DEFAULTS;
    const plain = known && typeof value === 'string' ? fromText(value, DEFAULTS[name]) : value;
    if (!known) complain(`there is no setting ${name}`);
    else if (isValid(name, plain)) read[name] = plain;
    else if (value !== undefined) complain(`setting ${name}: ${JSON.stringify(value)} is not understood`);
  }
  if (read.endpoint) read.endpoint = new URL(read.endpoint, location.href).href.replace(/\/+$/, '');
  return read;
}
