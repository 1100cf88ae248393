// The page's own requests: `traceparent` links them to the spans of the API that answers, and they are breadcrumbs.

import { leaveBreadcrumb } from './breadcrumbs.js';
import { harmless } from './guard.js';
import { randomId } from './identity.js';
import { maskedUrl } from './privacy.js';

const HEADER = 'traceparent';

/**
 * @param {{recorder: object, isOurs: (url: string) => boolean, origins: string[]}} parts origins: those beside the page's own that get the header
 */
export function observeRequests({ recorder, isOurs, origins }) {
  /** The header for a request to that address, undefined where it gets none: an address that is not named may refuse it (CORS). */
  function traceparent(address) {
    const url = new URL(address, location.href);
    const { traceId } = recorder.place;
    const isLinked = url.origin === location.origin || origins.includes(url.origin);
    return isLinked && traceId && !isOurs(url.href) && recorder.isSampled() ? `00-${traceId}-${randomId(8)}-01` : undefined;
  }

  function remember(method, address, status) {
    const url = new URL(address, location.href).href;
    if (!isOurs(url)) leaveBreadcrumb('request', `${method} ${maskedUrl(url)} ${status || 'failed'}`, status && status < 400 ? 'info' : 'error');
  }

  function wrapFetch() {
    const original = window.fetch;
    /** The request with the header, unless the page gave one, and whether it may be made twice; undefined where it gets none. */
    const linked = harmless((input, init) => {
      const header = traceparent(input?.url ?? input);
      if (!header) return undefined;
      const request = new Request(input, init);
      const isOfPage = request.headers.has(HEADER);
      if (!isOfPage) request.headers.set(HEADER, header);
      return { request, isRepeatable: !isOfPage && /^(GET|HEAD)$/.test(request.method) };
    });
    window.fetch = function fetch(...given) {
      const [input, init] = given;
      const told = harmless((status) => remember(init?.method ?? input?.method ?? 'GET', input?.url ?? input, status));
      const { request, isRepeatable } = linked(...given) ?? {};
      const sent = original.apply(this, request ? [request] : given);
      /** Once more without the header: where it was redirected to another origin, that may have refused it. */
      const again = (problem) => {
        if (!isRepeatable || !(problem instanceof TypeError)) throw problem;
        request.headers.delete(HEADER);
        return original.call(this, request);
      };
      return sent.catch(again).then(
        (response) => {
          told(response.status);
          return response;
        },
        (problem) => {
          told(0);
          throw problem; // here, so that it is still unhandled where nobody handles it
        },
      );
    };
  }

  function wrapXhr() {
    const { open, send, setRequestHeader } = XMLHttpRequest.prototype;
    if (send.__wrapped) return; // OpenTelemetry's instrumentation is there, and sends a header of its own
    const requests = new WeakMap();
    Object.assign(XMLHttpRequest.prototype, {
      open(...given) {
        requests.set(this, { method: given[0], address: given[1] });
        return open.apply(this, given);
      },
      setRequestHeader(name, value) {
        const request = requests.get(this);
        const isTraceparent = String(name).toLowerCase() === HEADER;
        if (isTraceparent && request?.isLinked) return undefined; // two of them would be none
        if (isTraceparent && request) request.isLinked = true;
        return setRequestHeader.call(this, name, value);
      },
      send(...given) {
        harmless(() => {
          const request = requests.get(this);
          const header = traceparent(request.address);
          if (header && !request.isLinked) this.setRequestHeader(HEADER, header);
          this.addEventListener('loadend', () => remember(request.method, request.address, this.status), { once: true });
        })();
        return send.apply(this, given);
      },
    });
  }

  wrapFetch();
  wrapXhr();
}
