// Opens its connections by itself: one for HTTP/2, one of bare TLS.
import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import tls from 'node:tls';

const authorization = 'Bearer ' + process.env.ECHO_TOKEN;
const session = http2.connect('https://api.echo.test');
const ask = (headers, body) =>
  new Promise((resolve, reject) => {
    const stream = session.request({ authorization, ...headers });
    const sum = createHash('sha256'), chunks = [];
    let head, trailers = {};
    stream.on('response', (h) => (head = h)).on('trailers', (t) => (trailers = t)).on('error', reject);
    stream.on('data', (chunk) => { sum.update(chunk); chunks.push(chunk); });
    stream.on('end', () => resolve([head[':status'], Buffer.concat(chunks), trailers['x-sha256'] === sum.digest('hex')]));
    stream.end(body);
  });
const [status, text] = await ask({ ':path': '/v1/things/7' });
console.log(status, String(text));
const [, bytes, same] = await ask({ ':path': '/v1/bytes?n=8388608' });
console.log('got', bytes.length, same);
const [, answer] = await ask({ ':path': '/v1/upload', ':method': 'POST', 'content-type': 'application/octet-stream' }, bytes);
console.log('sent', String(answer));
session.close();

const socket = tls.connect(443, 'api.echo.test', { servername: 'api.echo.test' }, () => {
  socket.write(`DELETE /v1/things/7 HTTP/1.1\r\nHost: api.echo.test\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`);
});
socket.on('data', (chunk) => process.stdout.write(chunk)).on('error', (e) => console.log(String(e)));
await new Promise((resolve) => socket.on('close', resolve));
// One that is not waited for keeps no process alive until its other end goes.
const idle = tls.connect({ host: 'api.echo.test', port: 443, servername: 'api.echo.test' });
idle.on('close', () => (process.exitCode = 1)).unref();
