// The browser's part of otelpond: what users do, see and wait for goes to a collector as OTLP/JSON log records.

import { actor, observeActions } from './actions.js';
import { observeErrors } from './errors.js';
import { observeForms } from './forms.js';
import { complain, harmless, listen } from './guard.js';
import { openIdentity } from './identity.js';
import { observeMeasurements } from './measurements.js';
import { openOutbox } from './outbox.js';
import { observePages } from './pages.js';
import { openRecorder } from './recorder.js';
import { observeRequests } from './requests.js';
import { readSettings } from './settings.js';
import { openCookies, openStorage } from './storage.js';
import { openTransport } from './transport.js';

/** The version of the script, as `telemetry.sdk.version` and the scope's. */
export const VERSION = '0.1.0';

const OPTED_OUT = 'out';
let running;

/** What is known of the browser, by the semantic conventions for resources. */
function describeResource({ service, version, environment }) {
  const { language, userAgent, userAgentData } = navigator;
  return {
    'service.name': service,
    'service.version': version || undefined,
    'deployment.environment.name': environment || undefined,
    'telemetry.sdk.name': 'otelpond',
    'telemetry.sdk.language': 'webjs',
    'telemetry.sdk.version': VERSION,
    'user_agent.original': userAgent,
    'browser.language': language,
    'browser.mobile': userAgentData?.mobile,
    'browser.platform': userAgentData?.platform,
    'browser.brands': userAgentData?.brands.map(({ brand, version: major }) => `${brand} ${major}`),
    'device.screen': `${screen.width}x${screen.height}`,
  };
}

const asksNotToBeTracked = () => navigator.doNotTrack === '1' || navigator.globalPrivacyControl === true;

function open(settings, storage) {
  const transport = openTransport(settings);
  const identity = openIdentity(settings.cookieDomain ? openCookies(settings.cookieDomain) : storage);
  const scope = { name: 'otelpond.browser', version: VERSION };
  const outbox = openOutbox({ settings, storage, transport, resource: describeResource(settings), scope });
  const recorder = openRecorder({ settings, identity, outbox });
  return { settings, storage, transport, identity, outbox, recorder };
}

function observe({ settings, transport, outbox, recorder }) {
  const { disable } = settings;
  const isEnabled = (part) => !disable.includes(part);
  const isOurs = transport.takes;
  if (isEnabled('requests')) observeRequests({ recorder, isOurs, origins: settings.traceOrigins });
  running.report = observeErrors({ recorder, isEnabled: isEnabled('errors') });
  const act = actor(recorder, isEnabled('pages') ? observePages(recorder, outbox) : () => undefined);
  if (isEnabled('actions')) observeActions(act);
  if (isEnabled('forms')) observeForms(recorder, act);
  observeMeasurements({ recorder, isOurs, disable });
  listen(window, 'online', outbox.flush);
  // After all others, which capture: web-vitals too reports its last values then, and they must leave.
  listen(window, 'visibilitychange', () => document.hidden && outbox.leave(), false);
  listen(window, 'pagehide', outbox.leave, false);
  outbox.flush(); // what earlier pages left
}

/** Begin; once a page, further calls are left unheard. Settings: README.md. */
export const start = harmless((given = {}) => {
  if (running) return;
  const settings = readSettings(given);
  const storage = openStorage(settings.storage);
  if (!settings.endpoint) {
    complain('no endpoint is set');
    return;
  }
  if (openStorage(true).get(OPTED_OUT) || (settings.honorDoNotTrack && asksNotToBeTracked())) return;
  running = open(settings, storage);
  const begin = harmless(() => observe(running));
  if (document.prerendering) document.addEventListener('prerenderingchange', begin, { once: true }); // nobody sees it yet
  else begin();
});

/** Report that something happened; gives the event's id, undefined where it is not sent. */
export const track = harmless((name, properties = {}) => {
  if (typeof name !== 'string' || !name) throw new TypeError('an event needs a name');
  return running?.recorder.emit(name, properties);
});

/**
 * Say who the user is, for this page and those after, and what is known of them.
 *
 * @param {string} userId
 * @param {object} properties set, replacing what was
 * @param {{role?: string, setOnce?: object, unset?: string[]}} more set once: where nothing is set yet; unset: names to forget
 */
export const identify = harmless((userId, properties, { role, setOnce, unset } = {}) => {
  if (!running) return undefined;
  if (userId !== undefined && userId !== null) running.identity.setUser({ id: String(userId), role });
  return running.recorder.emit('user.identify', {
    'user.properties': properties,
    'user.properties.set_once': setOnce,
    'user.properties.unset': unset,
  });
});

/** The user has logged out: whoever comes next is somebody else, in a session of their own. */
export const reset = harmless(() => running?.identity.reset());

/** Attributes of every record from now on, as `organization.id`. */
export const set = harmless((attributes) => running?.recorder.set(attributes));

/** Report an error that the page has caught. */
export const reportError = harmless((thrown, attributes) => running?.report(thrown, attributes));

/** Send what waits; fulfilled when it is sent, or cannot be for now. */
export const flush = harmless(async () => running?.outbox.flush());

/** Send nothing from this browser any more, and forget what it knows. */
export const optOut = harmless(() => {
  running?.outbox.close();
  running?.identity.forget();
  openStorage(true).set(OPTED_OUT, '1');
});

/** Take that back, from the next page on. */
export const optIn = harmless(() => openStorage(true).remove(OPTED_OUT));
