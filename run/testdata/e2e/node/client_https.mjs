import https from 'node:https';

const ask = (method) =>
  new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer ' + process.env.ECHO_TOKEN };
    const request = https.request('https://api.echo.test/v1/things/7', { method, headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve([answer.statusCode, answer.headers, answer.trailers, body]));
    });
    request.on('error', reject);
    request.end();
  });
for (const method of ['GET', 'DELETE']) console.log(...(await ask(method)));
