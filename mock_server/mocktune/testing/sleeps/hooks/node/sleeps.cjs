'use strict';
// Makes this Node process skip its sleeps: loaded by NODE_OPTIONS=--require before the program.
//
// A timer is fired early when timers are all that keeps the process alive: then the sandbox's clock is moved to the
// earliest one, and so are Date, performance.now and process.hrtime. While a request, a file or a child process is
// pending, time passes as it does. Timers of Node itself, of test runners and of HTTP libraries are left alone.

const ROOT = process.env.MOCKTUNE_SLEEPS_ROOT;
const KEY = process.env.MOCKTUNE_SLEEPS_KEY;
const [major, minor] = process.versions.node.split('.').map(Number);
if (ROOT && KEY && !globalThis[Symbol.for('mocktune.sleeps')]) {
  globalThis[Symbol.for('mocktune.sleeps')] = true;
  if (typeof process.getActiveResourcesInfo === 'function') {
    start(ROOT, KEY);
  } else {
    process.stderr.write(`mocktune: Node ${major}.${minor} cannot skip sleeps, 18 or later can\n`);
  }
}

function start(root, key) {
  const timers = require('timers');
  const promises = require('timers/promises');
  const { connect, Socket } = require('net');
  const { promisify } = require('util');
  const original = {
    setTimeout: timers.setTimeout,
    setInterval: timers.setInterval,
    setImmediate: timers.setImmediate,
    clearTimeout: timers.clearTimeout,
    promised: promises.setTimeout,
    now: Date.now,
  };

  const LONGEST_MS = 2 ** 31 - 1; // more than this Node takes for 1
  const HOLD_MS = 10_000; // how long something that is pending holds the time while its kind does not change
  const LOOK_MS = [1, 5];
  // These keep a process alive without being at work.
  const PASSIVE = new Set(['Timeout', 'Immediate', 'TCPServerWrap', 'PipeServerWrap', 'PipeWrap', 'TTYWrap', 'SignalWrap',
    'FSEvent', 'StatWatcher', 'FSEventWrap', 'UDPWrap', 'MessagePort', 'Worker', 'HTTP2SERVERSESSION']);
  // Whose timers and clocks are real, by the file of the nearest caller.
  const REAL = /^node:|[\\/]node_modules[\\/](@?vitest|@?jest|mocha|tinypool|tinybench|ava|tap|@tapjs|jasmine|undici|node-fetch|agentkeepalive|axios|got|ws|playwright|@playwright|nock|msw|@mswjs|@sinonjs|sinon|ora|cli-progress|vite|esbuild|tsx|npm|pnpm|yarn|corepack)(?=[-\\/])/;
  // Signatures are stamped in wall time.
  const WALL = /[\\/]node_modules[\\/](standardwebhooks|svix|jsonwebtoken|jose)[\\/]|[\\/]openai[\\/].*webhooks/;

  let skipped = 0; // milliseconds by which the clocks are ahead
  let looking = false;
  let moving = false;
  let broken = false;
  let pause = LOOK_MS[0];
  let seenIdle = 0;
  const waiting = new Map(); // Timeout -> {due, delay, repeat}
  const pending = new Map(); // kind -> {count, since}

  const monotonic = performance.now.bind(performance);

  function callerFile(above) {
    const limit = Error.stackTraceLimit;
    const prepare = Error.prepareStackTrace;
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder = {};
    Error.captureStackTrace(holder, above);
    const site = holder.stack && holder.stack[0];
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = limit;
    return (site && site.getFileName && site.getFileName()) || '';
  }

  // -- timers -------------------------------------------------------------------------------------------------------

  function schedule(kind, repeat, above, callback, delay, args) {
    const length = Number(delay);
    if (typeof callback !== 'function' || broken || !(length > 1 && length <= LONGEST_MS) || REAL.test(callerFile(above))) {
      return kind(callback, delay, ...args);
    }
    let timer;
    const entry = { due: skipped + length, delay: length };
    const fired = function fired(...given) {
      if (waiting.get(timer) === entry) {
        const early = entry.due > skipped + 0.5; // it really took as long, while something was pending
        if (repeat) entry.due = Math.max(entry.due, skipped) + length;
        else waiting.delete(timer);
        if (early) passed(entry.due - (repeat ? length : 0));
        if (repeat) look();
      }
      return callback.apply(this, given);
    };
    timer = kind(fired, delay, ...args);
    const refresh = timer.refresh;
    timer.refresh = function () {
      if (!timer._destroyed || !repeat) {
        entry.due = skipped + length;
        timer._idleTimeout = Math.trunc(length);
        waiting.set(timer, entry);
        look();
      }
      return refresh.call(timer);
    };
    entry.fireNow = () => {
      timer._idleTimeout = 1; // Node fires it itself, in its own asynchronous context; an interval keeps its _repeat
      refresh.call(timer);
    };
    waiting.set(timer, entry);
    look();
    return timer;
  }

  function setTimeout(callback, delay, ...args) {
    return schedule(original.setTimeout, false, setTimeout, callback, delay, args);
  }

  function setInterval(callback, delay, ...args) {
    return schedule(original.setInterval, true, setInterval, callback, delay, args);
  }

  function sleep(delay, value, options) {
    return promisedFrom(sleep, delay, value, options);
  }

  function promisedFrom(above, delay, value, options = {}) {
    const signal = options && options.signal;
    const length = Number(delay);
    const plain = options !== null && typeof options === 'object' && !(signal && signal.aborted);
    if (!plain || broken || !(length > 1 && length <= LONGEST_MS) || REAL.test(callerFile(above))) {
      return original.promised(delay, value, options);
    }
    return new Promise((resolve, reject) => {
      const aborted = () => {
        original.clearTimeout(timer);
        waiting.delete(timer);
        original.promised(0, value, options).then(resolve, reject); // Node's own AbortError
      };
      const timer = setTimeout(() => {
        if (signal) signal.removeEventListener('abort', aborted);
        resolve(value);
      }, length);
      if (options.ref === false) timer.unref();
      if (signal) signal.addEventListener('abort', aborted, { once: true });
    });
  }

  async function* ticks(delay, value, options) {
    for (;;) {
      await promisedFrom(ticks, delay, undefined, options);
      yield value;
    }
  }

  Object.defineProperty(setTimeout, promisify.custom, { enumerable: true, get: () => sleep });
  for (const [name, patched] of Object.entries({ setTimeout, setInterval })) {
    globalThis[name] = patched;
    timers[name] = patched;
  }
  promises.setTimeout = sleep;
  promises.setInterval = ticks;
  if (promises.scheduler) {
    const wait = function wait(delay, options) {
      return promisedFrom(wait, delay, undefined, options);
    };
    try {
      Object.defineProperty(promises.scheduler, 'wait', { value: wait, configurable: true, writable: true });
    } catch { /* it cannot be replaced: waits as it did */ }
  }
  require('module').syncBuiltinESMExports();

  // -- clocks -------------------------------------------------------------------------------------------------------

  function ahead(above) {
    if (!skipped) return 0;
    const file = callerFile(above);
    return REAL.test(file) || WALL.test(file) ? 0 : skipped;
  }

  const RealDate = Date;
  function now() {
    return original.now() + Math.round(ahead(now));
  }
  const SkippedDate = new Proxy(RealDate, {
    construct(target, args, asked) {
      if (args.length === 0 && skipped) args = [original.now() + Math.round(aheadOfConstruction())];
      return Reflect.construct(target, args, asked === SkippedDate ? target : asked);
    },
    apply(target, self, args) {
      return skipped ? new RealDate(original.now() + Math.round(aheadOfConstruction())).toString() : target(...args);
    },
    get(target, name, receiver) {
      return name === 'now' ? now : Reflect.get(target, name, receiver === SkippedDate ? target : receiver);
    },
  });
  function aheadOfConstruction() {
    const limit = Error.stackTraceLimit;
    const prepare = Error.prepareStackTrace;
    Error.stackTraceLimit = 4;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder = {};
    Error.captureStackTrace(holder, aheadOfConstruction);
    const files = (Array.isArray(holder.stack) ? holder.stack : []).map((site) => site.getFileName() || '');
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = limit;
    const file = files.find((each) => each !== __filename) || '';
    return REAL.test(file) || WALL.test(file) ? 0 : skipped;
  }
  globalThis.Date = SkippedDate;
  RealDate.prototype.constructor = SkippedDate;

  const perf = globalThis.performance;
  Object.defineProperty(perf, 'now', {
    value: function now() { return monotonic() + ahead(now); },
    configurable: true,
    writable: true,
  });
  const hrtime = process.hrtime;
  const bigint = hrtime.bigint;
  process.hrtime = function (since) {
    const nanoseconds = bigint() + BigInt(Math.round(ahead(process.hrtime) * 1e6));
    const seconds = Number(nanoseconds / 1000000000n);
    const rest = Number(nanoseconds % 1000000000n);
    if (since === undefined) return [seconds, rest];
    const [s, n] = [seconds - since[0], rest - since[1]];
    return n < 0 ? [s - 1, n + 1e9] : [s, n];
  };
  process.hrtime.bigint = function () {
    return bigint() + BigInt(Math.round(ahead(process.hrtime.bigint) * 1e6));
  };

  // -- when to move ---------------------------------------------------------------------------------------------------

  function look() {
    if (looking || moving || broken) return;
    looking = true;
    pause = LOOK_MS[0];
    seenIdle = 0;
    original.setTimeout(consider, pause).unref();
  }

  function first() {
    let earliest;
    for (const [timer, entry] of waiting) {
      if (timer._destroyed) waiting.delete(timer); // cleared
      else if (timer.hasRef() && (!earliest || entry.due < earliest.due)) earliest = entry;
    }
    return earliest;
  }

  function consider() {
    looking = false;
    if (moving || broken) return;
    const entry = first();
    if (!entry) return;
    seenIdle = atWork() ? 0 : seenIdle + 1;
    if (seenIdle >= 2) {
      seenIdle = 0;
      move(entry.due);
      return;
    }
    pause = seenIdle ? LOOK_MS[0] : Math.min(pause * 1.5, LOOK_MS[1]);
    looking = true;
    original.setTimeout(consider, pause).unref();
  }

  // A connection to a server of this process on which nothing is being answered: somebody keeps it alive.
  function unanswered(handle) {
    return handle instanceof Socket && Boolean(handle.server) && !handle._httpMessage;
  }

  function atWork() {
    const counts = new Map();
    for (const kind of process.getActiveResourcesInfo()) {
      if (!PASSIVE.has(kind)) counts.set(kind, (counts.get(kind) || 0) + 1);
    }
    const sockets = counts.get('TCPSocketWrap');
    if (sockets) {
      const left = sockets - process._getActiveHandles().filter(unanswered).length;
      if (left > 0) counts.set('TCPSocketWrap', left);
      else counts.delete('TCPSocketWrap');
    }
    const at = monotonic();
    for (const kind of pending.keys()) if (!counts.has(kind)) pending.delete(kind);
    let held = false;
    for (const [kind, count] of counts) {
      const known = pending.get(kind);
      if (!known || known.count !== count) {
        pending.set(kind, { count, since: at });
        held = true;
      } else if (at - known.since < HOLD_MS) held = true;
    }
    return held;
  }

  function passed(due) {
    const by = due - skipped;
    if (by <= 0 || broken) return;
    ask(by, () => { skipped = Math.max(skipped, due); });
  }

  function move(due) {
    const by = due - skipped;
    if (by <= 0) return fire();
    moving = true;
    ask(by, () => {
      moving = false;
      skipped = Math.max(skipped, due);
      fire();
    });
  }

  function fire() {
    const due = [...waiting].filter(([timer, entry]) => entry.due <= skipped + 1e-6 && !timer._destroyed);
    due.sort((a, b) => a[1].due - b[1].due);
    for (const [, entry] of due) entry.fireNow();
    if (waiting.size) look();
  }

  // -- the sandbox ------------------------------------------------------------------------------------------------------

  const { hostname, port, pathname, host } = new URL(root);
  const path = `${pathname.replace(/\/$/, '')}/_mocktune/clock/advance`;
  const ANSWER_MS = 60_000;
  let socket = null;
  const queue = [];
  let current = null;

  function ask(milliseconds, then) {
    queue.push({ body: JSON.stringify({ by: `${(milliseconds / 1000).toFixed(6)}s` }), then, tries: 0 });
    next();
  }

  function next() {
    if (current || !queue.length || broken) return;
    current = queue.shift();
    send();
  }

  function send() {
    const kept = socket && !socket.destroyed;
    if (!kept) {
      socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 80, noDelay: true });
    }
    const mine = socket;
    mine.ref();
    let received = Buffer.alloc(0);
    const deadline = original.setTimeout(() => lost(new Error('no answer in time')), ANSWER_MS);
    deadline.unref();
    const done = () => {
      original.clearTimeout(deadline);
      mine.removeAllListeners();
      mine.on('error', () => {});
      mine.unref();
    };
    const lost = (error) => {
      done();
      mine.destroy();
      socket = null;
      if (kept && current && !current.again) {
        current.again = true; // the server had closed it meanwhile
        send();
      } else giveUp(error);
    };
    mine.on('error', lost);
    mine.on('close', () => lost(new Error('it closed the connection')));
    mine.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      const answer = parsed(received);
      if (!answer) return;
      done();
      answered(answer);
    });
    mine.write(`POST ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key}\r\n`
      + `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(current.body)}\r\n\r\n${current.body}`);
  }

  function parsed(received) {
    const head = received.indexOf('\r\n\r\n');
    if (head < 0) return null;
    const lines = received.subarray(0, head).toString('latin1');
    const length = /\r\ncontent-length: *(\d+)/i.exec(lines);
    const size = length ? Number(length[1]) : 0;
    if (received.length < head + 4 + size) return null;
    return { status: Number(lines.slice(9, 12)), body: received.subarray(head + 4, head + 4 + size).toString() };
  }

  function answered({ status, body }) {
    const asked = current;
    if (status < 400) {
      current = null;
      asked.then();
      next();
    } else if (status === 409 && body.includes('clock_busy') && asked.tries++ < 5000) {
      original.setTimeout(send, 2);
    } else {
      giveUp(new Error(`HTTP ${status}: ${body.slice(0, 200)}`));
    }
  }

  function giveUp(error) {
    broken = true;
    moving = false;
    current = null;
    queue.length = 0;
    process.stderr.write(`mocktune: the clock at ${root} does not answer (${error.message}); from here on sleeps take real time\n`);
  }
}
