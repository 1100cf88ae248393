// Causes, members, an async call, a class, evaluated code and node's own modules: what each prints as its stack, or as inspect() shows it.
import { inspect } from 'node:util';
import fs from 'node:fs';
import { isNumber } from 'shapes';

class Cart {
  async total(items) {
    await null;
    return items.map((item) => this.price(item));
  }

  price(item) {
    if (!isNumber(item.price)) throw new TypeError(`no price:\n  ${item.name}`);
    return item.price;
  }
}

const cases = {
  async awaited() {
    await Promise.all([new Cart().total([{ name: 'pear' }])]);
  },
  async caused() {
    try {
      await cases.awaited();
    } catch (cause) {
      throw new Error('checkout failed', { cause });
    }
  },
  async members() {
    await Promise.any([cases.awaited(), cases.caused()]);
  },
  evaluated() {
    eval('(function rule() { throw new RangeError("bad rule"); })()');
  },
  core() {
    fs.readFileSync('/missing');
  },
  anonymous() {
    (() => [1].forEach(() => undefined.name))();
  },
};

const [, , name, shown] = process.argv;
try {
  await cases[name]();
} catch (error) {
  console.log(shown ? inspect(error) : error.stack);
}
