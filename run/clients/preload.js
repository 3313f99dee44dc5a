// Loaded into each Node process of an agentguard run by NODE_OPTIONS=--require: Node 20 knows no proxy variables, and 24
// knows them in part. Every connection of http, https, tls (and so http2) and undici's dispatcher (fetch) becomes a CONNECT
// tunnel through the proxy of HTTPS_PROXY or HTTP_PROXY. It stays silent, and changes nothing where the variables are missing or odd.
'use strict';
(() => {
  const env = process.env;
  const proxyOf = (...names) => {
    try {
      const url = new URL(names.map((name) => env[name]).find(Boolean));
      return url.protocol === 'http:' ? url : null;
    } catch { return null; }
  };
  const secure = proxyOf('HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy');
  const plain = proxyOf('HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy');
  if (!secure && !plain) return;

  // Node 22 tells each process that what NODE_USE_ENV_PROXY has it do is experimental.
  const { emit } = process;
  const experimental = env.NODE_USE_ENV_PROXY && process.version.startsWith('v22.');
  if (experimental) {
    process.emit = function (...args) { return args[0] === 'warning' && args[1].code === 'UNDICI-EHPA' || emit.apply(this, args); };
  }

  const http = require('http'), https = require('https'), net = require('net'), tls = require('tls'), module_ = require('module'), { Duplex } = require('stream');
  const direct = (env.NO_PROXY || env.no_proxy || '').toLowerCase().split(/[\s,]+/).filter(Boolean);
  const bare = (host) => String(host || 'localhost').toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const bypass = (host, port) => direct.some((rule) => {
    if (rule === '*' || rule === host) return true; // "::1" has colons and no port
    const [, name, only] = /^(.*?)(?::(\d+))?$/.exec(rule);
    if (only && only !== String(port)) return false;
    const suffix = bare(name.replace(/^\*?\./, ''));
    return host === suffix || (!net.isIP(host) && host.endsWith('.' + suffix));
  });
  const proxyFor = (isTLS, o) => {
    const proxy = isTLS ? secure : plain;
    if (!proxy || o.socketPath || o.path && !o.host && !o.hostname && !o.port) return null;
    return bypass(bare(o.host || o.hostname), o.port || (isTLS ? 443 : 80)) ? null : proxy;
  };

  // tunnel asks the proxy for a raw connection to host:port, over http.request as it was before we changed it.
  const request = http.request, get = http.get, secureRequest = https.request, secureGet = https.get;
  const tunnel = (proxy, host, port, done) => {
    const target = (net.isIPv6(host) ? `[${host}]` : host) + ':' + port;
    const headers = { host: target };
    if (proxy.username || proxy.password) {
      const pair = decodeURIComponent(proxy.username) + ':' + decodeURIComponent(proxy.password);
      headers['proxy-authorization'] = 'Basic ' + Buffer.from(pair).toString('base64');
    }
    const req = request({ host: bare(proxy.hostname), port: proxy.port || 80, method: 'CONNECT', path: target, headers, agent: oneShot });
    req.once('connect', (res, socket, head) => {
      if (res.statusCode !== 200) {
        socket.destroy();
        return done(Object.assign(new Error(`proxy refused CONNECT ${target}: ${res.statusCode} ${res.statusMessage}`), { code: 'ECONNREFUSED' }));
      }
      if (head.length) socket.unshift(head);
      done(null, socket);
    });
    req.once('error', done).end();
  };
  // connect opens the connection that a client wants: a tunnel, with the client's own TLS options over it.
  const connect = (isTLS, proxy, o, done) => tunnel(proxy, bare(o.host || o.hostname), o.port || (isTLS ? 443 : 80), (err, socket) => {
    if (err) return done(err);
    if (!isTLS) return done(null, socket);
    const name = o.servername || bare(o.host || o.hostname);
    try {
      done(null, tls.connect({ ...o, socket, path: undefined, servername: net.isIP(name) ? '' : name }));
    } catch (e) { done(e); }
  });
  const once = (f) => { let called = false; return (...a) => { if (!called && f) { called = true; f(...a); } }; };

  // Agents that inherit createConnection get the tunnel; those with their own (https-proxy-agent) never come here.
  const patchAgent = (Agent, isTLS) => {
    const original = Agent.prototype.createConnection;
    Agent.prototype.createConnection = function createConnection(...args) {
      const o = args[0], done = args[args.length - 1];
      const native = this && this.options && this.options.proxyEnv; // Node 24's own way, NODE_USE_ENV_PROXY
      const proxy = o !== null && typeof o === 'object' && typeof done === 'function' && !native && proxyFor(isTLS, o);
      if (!proxy) return original.apply(this, args);
      connect(isTLS, proxy, o, once(done)); // the agent takes the socket from its callback
    };
    return original;
  };
  const oneShot = new http.Agent({ keepAlive: false });
  oneShot.createConnection = patchAgent(http.Agent, false);
  patchAgent(https.Agent, true);

  // ws brings a createConnection of its own instead of an agent: an agent makes Node ignore it.
  const wrap = (original, isTLS) => function (...args) {
    const o = args.find((a) => a !== null && typeof a === 'object' && !(a instanceof URL));
    const own = o && o.agent == null && o.createConnection;
    if (typeof own !== 'function' || !/^(tls|net)Connect$/.test(own.name) || !proxyFor(isTLS, o)) return original.apply(this, args);
    return original.apply(this, args.map((a) => a === o ? { ...o, createConnection: undefined, agent: (isTLS ? https : http).globalAgent } : a));
  };
  Object.assign(http, { request: wrap(request, false), get: wrap(get, false) });
  Object.assign(https, { request: wrap(secureRequest, true), get: wrap(secureGet, true) });

  // later is a stream over a connection that open gives when it has one: what is written before waits.
  const later = (open) => {
    let socket, first, ended = false, idle = false;
    const stream = new Duplex({
      read() { if (socket) socket.resume(); },
      write(chunk, encoding, done) { if (socket) socket.write(chunk, done); else first = () => socket.write(chunk, done); },
      final(done) { if (socket) socket.end(); done(); },
      destroy(err, done) { if (socket) socket.destroy(); done(err); },
    });
    open((err, found) => {
      if (found && stream.destroyed) found.destroy();
      if (err || stream.destroyed) return stream.destroy(err);
      socket = found;
      socket.on('data', (data) => { if (!stream.push(data)) socket.pause(); }).on('error', (e) => stream.destroy(e));
      socket.on('end', () => { ended = true; stream.push(null); }).on('close', () => { if (!ended) stream.destroy(); });
      socket.setNoDelay(true);
      if (idle) socket.unref();
      if (first) first();
    });
    stream.idle = (now) => { idle = now; if (socket) now ? socket.unref() : socket.ref(); };
    return stream;
  };
  // Who opens TLS for HTTP by itself (http2, undici's agents with settings of their own, clients of WebSockets) gets a tunnel below
  // it. What is neither on HTTP's port nor says that it speaks HTTP is another protocol's (databases, mail), of which the proxy knows none.
  const speaksHTTP = (o) => Number(o.port) === 443 || Array.isArray(o.ALPNProtocols) && o.ALPNProtocols.some((name) => name === 'h2' || name === 'http/1.1');
  const secureConnect = tls.connect;
  tls.connect = function connect(...args) {
    const done = args.find((a) => typeof a === 'function'), given = args.find((a) => a !== null && typeof a === 'object');
    const o = typeof args[0] === 'object' ? { ...given } : { ...given, port: args[0], ...(typeof args[1] === 'string' ? { host: args[1] } : {}) };
    const proxy = o.socket || o.path || !speaksHTTP(o) ? null : proxyFor(true, o);
    if (!proxy) return secureConnect.apply(this, args);
    const below = later((ready) => tunnel(proxy, bare(o.host), o.port, ready));
    const above = secureConnect.call(this, { ...o, socket: below }, done);
    const { ref, unref } = above;
    return Object.assign(above, {
      allowHalfOpen: !!o.allowHalfOpen, // it would take that of the stream below it
      ref() { below.idle(false); return ref.call(above); },
      unref() { below.idle(true); return unref.call(above); },
    });
  };

  // Who starts a program or a thread with an environment of its own making (clients of MCP give their servers HOME and PATH alone) would
  // leave it without a way out: what tells of the proxy and the CA goes with it. A copy of ours names the run, and is as it was meant.
  const files = require('path').dirname(env.NODE_EXTRA_CA_CERTS || __filename);
  const told = Object.entries(env).filter(([name, value]) => /^(AGENTGUARD|GIT_CONFIG)_|_PROXY$|^(NODE|JAVA_TOOL)_OPTIONS$/i.test(name) || value.includes(files));
  const lead = (given) => {
    if (given === null || typeof given !== 'object' || given.AGENTGUARD_RUN) return given;
    const made = { ...Object.fromEntries(told), ...given };
    if (given.NODE_OPTIONS) made.NODE_OPTIONS = `${given.NODE_OPTIONS} --require=${JSON.stringify(__filename)}`;
    return made;
  };
  const leading = (args) => args.map((o) => o !== null && typeof o === 'object' && o.env ? { ...o, env: lead(o.env) } : o);
  const programs = require('child_process'), threads = require('worker_threads'), { spawn } = programs.ChildProcess.prototype;
  programs.ChildProcess.prototype.spawn = function (o) { // exec, execFile, fork and spawn come here, with NAME=VALUE
    const pairs = o && Array.isArray(o.envPairs) && o.envPairs.map((pair) => [pair.slice(0, pair.indexOf('=', 1)), pair.slice(pair.indexOf('=', 1) + 1)]);
    return spawn.call(this, pairs ? { ...o, envPairs: Object.entries(lead(Object.fromEntries(pairs))).map(([name, value]) => `${name}=${value}`) } : o);
  };
  for (const name of ['spawnSync', 'execSync', 'execFileSync']) {
    const original = programs[name];
    programs[name] = (...args) => original(...leading(args));
  }
  // What Node 22 tells a thread comes before this file: there it is not told to, and this file does it all.
  const quiet = (file, o) => experimental && typeof (o && o.env) !== 'symbol' ? [file, { ...o, env: { ...(o && o.env || env), NODE_USE_ENV_PROXY: '0' } }] : [file, o];
  threads.Worker = class Worker extends threads.Worker { constructor(...args) { super(...quiet(...leading(args))); } };
  module_.syncBuiltinESMExports();

  // fetch: replace undici's default dispatcher when something first asks for it; loading undici takes 40 ms.
  const key = Symbol.for('undici.globalDispatcher.1'), own = Symbol.for('undici.globalDispatcher.2'), fetch_ = globalThis.fetch;
  if (typeof fetch_ !== 'function' || globalThis[key]) return;
  const dispatch = (o, done) => {
    const isTLS = o.protocol === 'https:', target = { ...o, host: o.hostname };
    const proxy = proxyFor(isTLS, target), back = once(done);
    const ready = (socket) => socket.once(isTLS ? 'secureConnect' : 'connect', () => back(null, socket)).once('error', back);
    const alpn = { ALPNProtocols: ['http/1.1'], servername: o.servername || (net.isIP(bare(o.hostname)) ? '' : bare(o.hostname)) };
    if (!proxy) {
      const to = { host: bare(o.hostname), port: o.port || (isTLS ? 443 : 80), autoSelectFamily: true };
      return ready(isTLS ? tls.connect({ ...to, ...alpn }) : net.connect(to));
    }
    connect(isTLS, proxy, { ...target, ...alpn }, (err, socket) => err || !isTLS ? back(err, socket) : ready(socket));
  };
  let busy = false;
  const install = () => {
    if (busy) return;
    busy = true;
    // From 26 on Node asks in HTTP/2, which has no phrase behind the status, and many a program shows nothing else of a refusal.
    const native = globalThis[own];
    if (native && native.constructor.name === 'EnvHttpProxyAgent') globalThis[own] = new native.constructor({ requestTls: { allowH2: false } });
    try { fetch_('data:,').catch(() => {}); } catch { /* undici is loading: its caller comes back through fetch */ }
    const found = Object.getOwnPropertyDescriptor(globalThis, key);
    if (found && found.value && found.value.constructor.name === 'Agent') {
      globalThis[key] = new found.value.constructor({ connect: dispatch });
    } else if (!found || !found.value) busy = false;
  };
  Object.defineProperty(globalThis, key, { configurable: true, enumerable: false, get() { install(); return busy ? Object.getOwnPropertyDescriptor(globalThis, key)?.value : undefined; } });
  globalThis.fetch = function fetch(...args) { install(); return fetch_.apply(this, args); };
  for (const name of ['WebSocket', 'EventSource']) {
    const lazy = Object.getOwnPropertyDescriptor(globalThis, name);
    if (lazy && lazy.get && lazy.configurable) Object.defineProperty(globalThis, name, { ...lazy, get() { install(); return lazy.get.call(globalThis); } });
  }
})();
