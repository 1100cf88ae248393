// Makes records of what is observed: each gets its id, its time, and who did it where.

import { harmless } from './guard.js';
import { randomId, share, uuid } from './identity.js';
import { keyValues } from './otlp.js';
import { masked, maskedParts, maskedUrl, route } from './privacy.js';

const INFO = [9, 'INFO'];
const ERROR = [17, 'ERROR'];

/** The path and, where it is one, the route behind it. */
export const pathNow = () => maskedParts(location.pathname + route(location.hash));

/** Names that sampling leaves alone. */
const isAlwaysSent = (name) => name === 'exception' || name.startsWith('security.');

/**
 * @param {{settings: object, identity: object, outbox: object}} parts
 */
export function openRecorder({ settings, identity, outbox }) {
  /** Where the page stands. */
  const place = { loadId: uuid() };
  const global = {};
  let lastUs = 0;

  const isSampled = (session) => settings.sampleRate >= 1 || share(session.id) < settings.sampleRate;

  function slug() {
    const { pageSlug } = settings;
    const told = document.querySelector('meta[name="otelpond:page"]')?.content;
    return told || (typeof pageSlug === 'function' ? harmless(pageSlug)(place.path) : pageSlug) || undefined;
  }

  /** Another page, or route of one: with a trace of its own, which the requests that it makes continue. */
  function arrive() {
    const traced = settings.disable.includes('requests') ? {} : { traceId: randomId(16), spanId: randomId(8) };
    Object.assign(place, { url: maskedUrl(location.href), path: pathNow() }, traced);
  }

  /** Now in microseconds since 1970, later for each record, so that their order stays unless the clock is put back. */
  function now() {
    const us = Date.now() * 1000;
    lastUs = lastUs > us + 1e6 ? us : Math.max(us, lastUs + 1);
    return lastUs;
  }

  /**
   * A record, or undefined where its session is not sampled.
   *
   * @param {string} name of the event
   * @param {object} attributes
   * @param {{isPassive?: boolean, isLean?: boolean, late?: () => object}} how passive: nobody did it, so no session is prolonged;
   *   lean: one of many, so without what the page view says of the browser; late: attributes that are known when it is sent
   */
  function record(name, attributes, { isPassive = false, isLean = false, late } = {}) {
    if (outbox.isClosed()) return undefined;
    const session = identity.session(!isPassive);
    const isAlways = isAlwaysSent(name);
    if (!isAlways && !isSampled(session)) return undefined;
    const user = identity.user();
    const id = uuid();
    const common = {
      'log.record.uid': id,
      'session.id': session.id,
      'session.previous_id': isLean ? undefined : session.previous,
      'enduser.pseudo.id': identity.anonymous(),
      ...global,
      ...(user.id && { 'user.id': user.id, 'user.role': user.role ?? global['user.role'] }),
      'browser.page_load.id': place.loadId,
      'url.full': place.url,
      page_path: place.path,
      page_slug: slug(),
      'user_agent.original': isLean ? undefined : navigator.userAgent,
      sample_rate: settings.sampleRate < 1 && !isAlways ? settings.sampleRate : undefined,
    };
    const { traceId, spanId } = place;
    const severity = name === 'exception' ? ERROR : INFO;
    return { id, name, timeUs: now(), severity, attributes: keyValues({ ...common, ...attributes }), late, traceId, spanId };
  }

  arrive();

  return {
    place,
    arrive,
    record,
    isSampled: () => isSampled(identity.session(false)),
    /** Record and send; gives the event's id, undefined where it is not sent. */
    emit(name, attributes, how) {
      const made = record(name, attributes, how);
      if (made) outbox.add(made, name === 'exception');
      return made?.id;
    },
    /** Attributes of every record from now on; undefined takes one away. */
    set: (attributes) => Object.assign(global, attributes),
    title: () => masked(document.title, 300),
  };
}
