// Uncaught errors and unhandled rejections, with what led to them; no more than a page's worth of each.

import { breadcrumbs, leaveBreadcrumb } from './breadcrumbs.js';
import { harmless, listen } from './guard.js';
import { masked } from './privacy.js';

const MOST = 50; // of a page load
const MOST_ALIKE = 5;
const LONGEST_STACK = 16_000;

/** Type, message and stack of whatever was thrown. */
function described(thrown) {
  if (thrown instanceof Error || typeof thrown?.message === 'string') {
    return { type: thrown.name || thrown.constructor?.name || 'Error', message: thrown.message, stack: thrown.stack };
  }
  let text = String(thrown);
  if (typeof thrown === 'object' && thrown !== null) text = harmless(JSON.stringify)(thrown) ?? text;
  return { type: thrown === null ? 'null' : typeof thrown, message: text };
}

/** @returns {(thrown: unknown, attributes?: object) => string | undefined} reports an error that the page has caught */
export function observeErrors({ recorder, isEnabled }) {
  const alike = new Map();
  let count = 0;

  function report({ type, message, stack }, mechanism, attributes = {}) {
    const key = `${type} ${message} ${stack}`.slice(0, 1000);
    const before = alike.get(key) ?? 0;
    if (count >= MOST || before >= MOST_ALIKE) return undefined;
    alike.set(key, before + 1);
    count += 1;
    const text = masked(message, 4000);
    const id = recorder.emit(
      'exception',
      {
        'exception.type': type,
        'exception.message': text,
        'exception.stacktrace': stack && masked(stack, LONGEST_STACK),
        'otelpond.mechanism': mechanism,
        'otelpond.breadcrumbs': breadcrumbs(),
        ...attributes,
      },
      { isPassive: true },
    );
    leaveBreadcrumb('log', `${type}: ${text}`, 'error');
    return id;
  }

  if (isEnabled) {
    listen(window, 'error', ({ error, message, filename, lineno, colno }) => {
      if (message === undefined) return; // of a resource, not of a script
      const where = filename ? `    at ${filename}:${lineno}:${colno}` : undefined;
      report(error ? described(error) : { type: 'Error', message, stack: where }, 'uncaught_exception');
    });
    listen(window, 'unhandledrejection', ({ reason }) => report(described(reason), 'unhandled_rejection'));
  }
  return harmless((thrown, attributes) => report(described(thrown), 'reported', attributes));
}
