// One request on its way: a fetch that outlives its page (`keepalive`), as a beacon does, but with a token in a header.

/** What may be under way when a page goes, of 64 KiB that browsers allow. */
export const MAX_LEAVING_BYTES = 65_000;
const LEAST_WORTH_COMPRESSING = 1024;
const TRY_LATER = [408, 429, 502, 503, 504];

const encode = (body) => new TextEncoder().encode(body);
const gzip = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();

/** The browser's own fetch: a wrapped one would report our requests. */
const ownFetch = () => (window.fetch.__original ?? window.fetch).bind(window);

export function openTransport(settings) {
  const url = `${settings.endpoint}/v1/logs`;
  const signals = ['traces', 'metrics', 'logs', 'events'].map((signal) => `${settings.endpoint}/v1/${signal}`);
  const send = ownFetch();

  function request(body, headers = {}) {
    const fields = { 'content-type': 'application/json', ...headers };
    if (settings.token) fields.authorization = `Bearer ${settings.token}`;
    return send(url, { method: 'POST', body, headers: fields, keepalive: body.length <= MAX_LEAVING_BYTES, credentials: 'omit' });
  }

  return {
    /** Whether an address is the collector's, where telemetry goes: of that there is no telemetry. */
    takes: (address) => signals.includes(address.split('?')[0]),
    /**
     * Send a body while the page stays.
     *
     * @param {string} body
     * @param {(bytes: number) => void} departs told how many bytes go, as soon as closing the page would not stop them
     * @returns {Promise<{accepted?: boolean, refused?: string, againAfterMs?: number}>} what the collector says; refused is for good
     */
    async post(body, departs) {
      let bytes = encode(body);
      const headers = {};
      if (settings.compress && bytes.length > LEAST_WORTH_COMPRESSING && window.CompressionStream) {
        bytes = new Uint8Array(await gzip(bytes));
        headers['content-encoding'] = 'gzip';
      }
      const answer = request(bytes, headers);
      if (bytes.length <= MAX_LEAVING_BYTES) departs(bytes.length);
      const response = await answer;
      if (response.ok) return { accepted: true };
      const after = response.headers.get('retry-after'); // seconds or a date
      if (TRY_LATER.includes(response.status)) return { againAfterMs: 1000 * after || Date.parse(after) - Date.now() || 0 };
      return { refused: `${response.status} ${(await response.text()).slice(0, 300)}` };
    },
    /**
     * Send a body while the page goes: at once, so not compressed.
     *
     * @param {number} room bytes that may still leave
     * @returns {{bytes: number, answered: Promise<boolean>} | undefined} undefined where it has no room
     */
    leave(body, room) {
      const bytes = encode(body);
      if (bytes.length > room) return undefined;
      return { bytes: bytes.length, answered: request(bytes).then(({ ok }) => ok, () => false) };
    },
  };
}
