// Runs before the author's module, in every runtime: takes away the clock, randomness, code from text, and built-in
// loops that would not notice a time limit.
(() => {
  "use strict";
  const { defineProperty, getPrototypeOf, getOwnPropertyNames } = Object;
  const { apply, construct } = Reflect;
  const refuse = (message) => function () { throw new TypeError(message); };
  const fix = (object, name, value) =>
    defineProperty(object, name, { value, writable: false, enumerable: false, configurable: false });

  // Code from text.
  const noCode = refuse("no code from text here: `eval` and the Function constructor are switched off");
  for (const f of [function () {}, async function () {}, function* () {}, async function* () {}]) {
    fix(getPrototypeOf(f), "constructor", noCode);
  }
  fix(noCode, "prototype", getPrototypeOf(function () {}));
  fix(globalThis, "Function", noCode);
  fix(globalThis, "eval", noCode);

  // Randomness and threads.
  fix(Math, "random", refuse("there is no randomness here: pass the value in"));
  for (const name of ["SharedArrayBuffer", "Atomics", "WeakRef", "FinalizationRegistry", "performance", "gc"]) {
    delete globalThis[name];
  }

  // The clock, and with it the time zone of the machine: all local times are UTC.
  const Real = Date;
  const realParse = Real.parse;
  const noClock = "there is no clock here: pass the time in";
  const isoLocal = /^\s*[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?\s*$/;
  const hasZone = /(Z|UTC|GMT|[+-]\d\d:?\d\d)\s*(\([^)]*\))?\s*$/i;
  const isoDate = /^\s*[+-]?\d{4,6}(-\d\d(-\d\d)?)?\s*$/;
  const test = RegExp.prototype.test;
  const trim = String.prototype.trim;
  const parse = (text) => {
    text = `${text}`;
    if (apply(test, isoLocal, [text])) return realParse(apply(trim, text, []) + "Z");
    if (apply(test, isoDate, [text]) || apply(test, hasZone, [text])) return realParse(text);
    return realParse(text + " UTC");
  };
  const utc = Real.UTC;
  const valueOf = Real.prototype.valueOf;
  function Clockless(...parts) {
    if (new.target === undefined || parts.length === 0) throw new TypeError(noClock);
    let time;
    if (parts.length === 1) {
      let only = parts[0];
      if (only instanceof Real) only = apply(valueOf, only, []);
      time = typeof only === "string" ? parse(only) : only;
    } else {
      time = apply(utc, Real, parts);
    }
    return construct(Real, [time], new.target);
  }
  const proto = Real.prototype;
  for (const part of ["Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds"]) {
    proto[`get${part}`] = proto[`getUTC${part}`];
    if (part !== "Day") proto[`set${part}`] = proto[`setUTC${part}`];
  }
  const text = proto.toUTCString;
  const iso = proto.toISOString;
  const slice = String.prototype.slice;
  proto.getTimezoneOffset = () => 0;
  proto.toString = proto.toLocaleString = text;
  proto.toDateString = proto.toLocaleDateString = function () { return apply(slice, apply(iso, this, []), [0, 10]); };
  proto.toTimeString = proto.toLocaleTimeString = function () { return apply(slice, apply(iso, this, []), [11, 19]); };
  fix(Clockless, "prototype", proto);
  fix(proto, "constructor", Clockless);
  fix(Clockless, "UTC", utc);
  fix(Clockless, "parse", parse);
  fix(Clockless, "now", refuse(noClock));
  fix(Clockless, "name", "Date");
  fix(globalThis, "Date", Clockless);

  // Built-in loops over a length do not look at the time: bound the length.
  const most = 10_000_000;
  const check = (list) => {
    if (list != null && list.length > most) throw new RangeError(`a list is too long: at most ${most} places`);
  };
  const guarded = (object, name, look) => {
    const native = object[name];
    if (typeof native !== "function" || name === "constructor") return;
    const wrapped = { [name](...parts) { look(this, parts); return apply(native, this, parts); } }[name];
    defineProperty(object, name, { value: wrapped, writable: true, enumerable: false, configurable: true });
  };
  const lists = Array.prototype;
  // A push or a pop looks at no other place.
  const constant = new Set(["push", "pop", "at"]);
  for (const name of getOwnPropertyNames(lists)) {
    if (constant.has(name)) continue;
    guarded(lists, name, (list, parts) => {
      check(list);
      if (name === "concat") for (let i = 0; i < parts.length; i++) check(parts[i]);
      if (name === "flat") for (let i = 0; i < list.length; i++) check(list[i]);
    });
  }
  lists[Symbol.iterator] = lists.values;
  // Searching a text takes length times length in the worst case.
  for (const name of ["indexOf", "lastIndexOf", "includes", "split", "replace", "replaceAll"]) {
    guarded(String.prototype, name, (text, parts) => {
      if (typeof parts[0] === "string" && `${text}`.length * parts[0].length > 1e10) {
        throw new RangeError("the texts are too long to search one in the other");
      }
    });
  }
})();
