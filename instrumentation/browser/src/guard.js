// Nothing of ours reaches the page: what fails is skipped and said once on the console.

const told = new Set();

/** Say once what went wrong. */
export function complain(problem) {
  const text = `otelpond: ${problem?.message ?? problem}`;
  if (told.has(text) || told.size > 20) return;
  told.add(text);
  console.warn(text);
}

/** A function that does the same, and gives undefined where it fails. */
export function harmless(act) {
  return function guarded(...given) {
    try {
      return act.apply(this, given);
    } catch (problem) {
      complain(problem);
      return undefined;
    }
  };
}

/** Have `act` called on events of a target, before the page's own listeners, which can keep none from us. */
export function listen(target, type, act, capture = true) {
  target.addEventListener(type, harmless(act), { capture, passive: true });
}
