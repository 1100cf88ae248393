// What is kept in the browser: localStorage, and memory where that is full, forbidden or not wanted.

const PREFIX = 'otelpond.';

/** localStorage where it works, else undefined; a page without an origin must not even name it. */
function browsers() {
  try {
    const storage = window.localStorage;
    storage.setItem(PREFIX, '');
    storage.removeItem(PREFIX);
    return storage;
  } catch {
    return undefined;
  }
}

/**
 * A place for texts by name.
 *
 * @param {boolean} lasting whether anything may outlive the page
 */
export function openStorage(lasting, storage = lasting ? browsers() : undefined) {
  const memory = new Map();
  return {
    get: (name) => memory.get(name) ?? storage?.getItem(PREFIX + name) ?? undefined,
    set(name, text) {
      memory.delete(name);
      try {
        storage.setItem(PREFIX + name, text);
      } catch {
        storage?.removeItem(PREFIX + name);
        memory.set(name, text);
      }
    },
    remove(name) {
      memory.delete(name);
      storage?.removeItem(PREFIX + name);
    },
    /** Names with this beginning, in order. */
    names(beginning) {
      const kept = Object.keys(storage ?? {}).filter((key) => key.startsWith(PREFIX));
      const names = [...kept.map((key) => key.slice(PREFIX.length)), ...memory.keys()];
      return names.filter((name) => name.startsWith(beginning)).sort();
    },
  };
}

/** The same by cookies, which all subdomains of a site share; for a few short texts. */
export function openCookies(domain) {
  const write = (name, text, seconds) => {
    const secure = location.protocol === 'https:' ? ';secure' : '';
    document.cookie = `${PREFIX}${name}=${encodeURIComponent(text)};domain=${domain};path=/;max-age=${seconds};samesite=lax${secure}`;
  };
  return {
    get(name) {
      const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${PREFIX}${name}=`));
      return found && decodeURIComponent(found.slice(PREFIX.length + name.length + 1));
    },
    set: (name, text) => write(name, text, 34_560_000), // 400 days: browsers keep none longer
    remove: (name) => write(name, '', 0),
  };
}
