// Who it is: a random name for the browser, the user where the page says so, and the session, which all tabs share.

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 24 * 3_600_000;

/** A random id of that many bytes, in hex digits. */
export const randomId = (bytes) =>
  Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A random UUID (version 4); `crypto.randomUUID` exists on secure pages only. */
export const uuid = () => randomId(16).replace(/(.{8})(.{4}).(.{3}).(.{3})/, (_, a, b, c, d) => `${a}-${b}-4${c}-${'89ab'[Math.floor(Math.random() * 4)]}${d}-`);

/** A text's place in [0, 1), the same everywhere: FNV-1a with the last steps of MurmurHash3, which spread it evenly. */
export function share(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param storage where names and sessions are kept
 * @param {() => number} now milliseconds since 1970
 */
export function openIdentity(storage, now = Date.now) {
  let known; // where storage keeps nothing
  const name = () => {
    storage.set('anonymous', (known = uuid()));
    return known;
  };
  const anonymous = () => (known = storage.get('anonymous') || known || name()); // read again, for another tab may have reset it

  /** The session; `active` says that somebody did something, which prolongs it or begins the next. */
  function session(active) {
    const current = parsed(storage.get('session'));
    const time = now();
    const isOver = !current?.id || time - current.last > IDLE_MS || time - current.start > LONGEST_MS || current.start > time;
    if (current?.id && !active) return current;
    const next = isOver ? { id: uuid(), start: time, previous: current?.id } : current;
    storage.set('session', JSON.stringify({ ...next, last: time }));
    return next;
  }

  return {
    session,
    /** The user that the page told of, with `id` and perhaps `role`. */
    user: () => parsed(storage.get('user')) ?? {},
    setUser: (user) => storage.set('user', JSON.stringify(user)),
    anonymous,
    /** Somebody else sits here now. */
    reset() {
      ['user', 'session'].forEach(storage.remove);
      name();
    },
    forget: () => ['user', 'session', 'anonymous'].forEach(storage.remove),
  };
}
