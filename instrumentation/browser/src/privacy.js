// What never leaves the page: values of inputs, secrets in addresses, and what looks personal in texts.

const REMOVED = '[removed]';
const SECRET_NAME = /pass|pwd|token|secret|auth(?!or)|api_?key|^key$|session|^sid$|credential|jwt|^code$|^state$|^otp$|^pin$|^sig$|signature|e-?mail|phone|ssn|card/i;
const PERSONAL = [
  /[\w.+-]+@[\w-]+\.[\w.-]+/g, // an address for e-mail
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, // a JSON Web Token
  /\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}/gi,
];
const CARD = /\b(?:\d[ -]?){12,18}\d\b/g;

/** Whether digits may be the number of a payment card, by their check digit (Luhn). */
function isCard(text) {
  const digits = [...text.replace(/\D/g, '')].reverse().map(Number);
  const sum = digits.reduce((total, digit, place) => total + (place % 2 ? (digit * 2 > 9 ? digit * 2 - 9 : digit * 2) : digit), 0);
  return sum % 10 === 0;
}

/** A text without what looks personal or secret, and no longer than `longest`: cut last, as half a secret looks like none. */
export const masked = (text, longest = 2000) => clean(String(text).slice(0, 2 * longest + 2000)).slice(0, longest);

const clean = (text) => withoutPatterns(withoutSecretParameters(text));

/** Whether a part of an address is personal or secret as it reads decoded; `unescape` takes any text, and what is looked for is ASCII. */
function isSecret(part) {
  const plain = unescape(part.replaceAll('+', ' '));
  return clean(plain) !== plain;
}

function withoutPatterns(cut) {
  const withoutCards = cut.replace(CARD, (digits) => (isCard(digits) ? REMOVED : digits));
  return PERSONAL.reduce((left, pattern) => left.replace(pattern, REMOVED), withoutCards);
}

/** Without the parameters of addresses that are secret by name or value; a line and column behind one, as in stacks, stay. */
const withoutSecretParameters = (text) =>
  text.replace(
    /([#/?&])([^=&\s#/?]*)=([^&\s#)]*?)(?=:\d+:\d+|[&\s#)]|$)/g,
    (_, mark, name, value) => `${mark}${name}=${SECRET_NAME.test(unescape(name)) || isSecret(value) ? REMOVED : value}`,
  );

/** The part of a fragment that is a route (`#/orders`, `#!orders`); others may hold tokens and are left out. */
export const route = (hash) => (/^#[!/]/.test(hash) ? hash.split('?')[0] : '');

/** An address or a path, each part of it judged by itself. */
export const maskedParts = (address) => masked(address.slice(0, 6000).replace(/[^#/?&=]+/g, (part) => (isSecret(part) ? REMOVED : part)));

/** An address without user, password, what is secret in it, and a fragment that is no route; data: and blob: by their scheme alone. */
export function maskedUrl(address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return '';
  }
  return url.origin === 'null' ? url.protocol : maskedParts(url.origin + url.pathname + url.search + route(url.hash));
}

/** Of what is not looked at: neither its text nor what is done to it. */
export const isIgnored = (element) => Boolean(element?.closest('[data-otelpond-ignore]'));
/** Of what may be named, but not by its text. */
export const isMasked = (element) => Boolean(element?.closest('[data-otelpond-mask]'));
