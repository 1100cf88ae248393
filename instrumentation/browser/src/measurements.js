// What the browser measures: web vitals, the times of the page load and of each resource, tasks that blocked the page.

import { onCLS, onFCP, onINP, onLCP } from 'web-vitals';
import { harmless, listen } from './guard.js';
import { uuid } from './identity.js';
import { maskedUrl } from './privacy.js';

const MOST_RESOURCES = 200; // of one page load
const MOST_LONG_TASKS = 50;

const navigation = () => performance.getEntriesByType('navigation')[0];
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Record what is measured, each attribute under the event's name. */
function tell(recorder, name, attributes, isLean = false) {
  const prefixed = Object.entries(attributes).map(([key, value]) => [`${name}.${key}`, value]);
  recorder.emit(name, Object.fromEntries(prefixed), { isPassive: true, isLean });
}

/** A performance entry's own numbers and texts, in snake case; a time of 0 did not happen or is not told. */
function described(entry) {
  const members = Object.entries(entry.toJSON()).map(([name, value]) => [snake(name), value]);
  const isTold = entry.responseStart !== 0;
  const kept = members.filter(([name, value]) => {
    if (name === 'name' || name === 'entry_type' || value === '') return false;
    if (value !== 0 || name === 'start_time') return typeof value === 'number' || typeof value === 'string';
    return /(size|count)$/.test(name) && isTold;
  });
  return Object.fromEntries(kept);
}

/** Have entries of a type observed, those before now too, at most so many; nothing happens where the browser does not know the type. */
function observe(type, most, act) {
  if (!window.PerformanceObserver?.supportedEntryTypes?.includes(type)) return undefined;
  let seen = 0;
  const take = harmless((entries) => entries.forEach((entry) => (seen += 1) <= most && act(entry)));
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type, buffered: true });
  return () => take(observer.takeRecords());
}

function observeVitals(recorder) {
  const report = harmless(({ name, value, delta, id, rating, navigationType }) => {
    const attributes = { name: name.toLowerCase(), value, delta, id, rating, navigation_type: navigationType };
    tell(recorder, 'browser.web_vital', attributes);
  });
  [onCLS, onFCP, onINP, onLCP].forEach((on) => on(report));
  /** Two that need no library: web-vitals no longer tells the first input's delay, and its time to first byte costs 200 bytes. */
  const reportOwn = (name, value, [good, poor]) => {
    const rating = value <= good ? 'good' : value <= poor ? 'needs-improvement' : 'poor';
    report({ name, value, delta: value, id: uuid(), rating, navigationType: navigation()?.type.replaceAll('_', '-') });
  };
  observe('first-input', 1, ({ processingStart, startTime }) => reportOwn('FID', processingStart - startTime, [100, 300]));
  observe('navigation', 1, ({ responseStart, activationStart = 0 }) => {
    if (responseStart) reportOwn('TTFB', Math.max(responseStart - activationStart, 0), [800, 1800]);
  });
}

function observePageLoad(recorder) {
  let isTold = false;
  const report = () => {
    const entry = navigation();
    if (isTold || !entry) return;
    isTold = true;
    tell(recorder, 'browser.navigation_timing', described(entry));
  };
  const soon = () => setTimeout(harmless(report)); // when the load event has ended
  if (document.readyState === 'complete') soon();
  else listen(window, 'load', soon);
  listen(window, 'pagehide', report);
}

/**
 * @param {{recorder: object, isOurs: (url: string) => boolean, disable: string[]}} parts
 */
export function observeMeasurements({ recorder, isOurs, disable }) {
  if (!disable.includes('vitals')) observeVitals(recorder);
  if (disable.includes('timings')) return;
  observePageLoad(recorder);
  const flushResources = observe('resource', MOST_RESOURCES, (entry) => {
    if (isOurs(entry.name)) return;
    tell(recorder, 'browser.resource_timing', { url: maskedUrl(entry.name), ...described(entry) }, true);
  });
  observe('longtask', MOST_LONG_TASKS, (entry) => {
    const [by] = entry.attribution ?? [];
    const container = by?.containerName || by?.containerId || undefined;
    tell(recorder, 'browser.long_task', { name: entry.name, ...described(entry), container }, true);
  });
  listen(window, 'pagehide', () => flushResources?.());
}
