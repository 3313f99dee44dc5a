// For the control only: leads every TLS connection to the origin of the tests (ORIGIN=host:port), without any proxy.
const tls = require('node:tls');
const https = require('node:https');
const [host, port] = process.env.ORIGIN.split(':');
const connect = tls.connect;
tls.connect = function (...args) {
  const options = args.find((arg) => arg && typeof arg === 'object');
  options.servername ||= options.host;
  Object.assign(options, { host, port: Number(port), lookup: undefined, path: undefined });
  return connect.apply(this, args);
};
https.globalAgent.constructor.prototype.createConnection = function (options, done) {
  return tls.connect(options, done);
};
