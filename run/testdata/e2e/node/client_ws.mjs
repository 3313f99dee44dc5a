import WebSocket from 'ws';

const socket = new WebSocket('wss://api.echo.test/v1/ws', { headers: { Authorization: 'Bearer ' + process.env.ECHO_TOKEN } });
const sent = ['ping', 'x'.repeat(70000)];
let greeted = false;
socket.on('upgrade', (answer) => console.log(answer.statusCode, answer.headers));
socket.on('message', (data) => {
  const text = data.toString();
  if (!greeted) {
    greeted = true;
    console.log(text);
  } else {
    console.log(text === sent.shift() ? 'same' : 'different', text.length);
  }
  if (sent.length > 0) socket.send(sent[0]);
  else socket.close(1000);
});
socket.on('close', (code) => console.log('closed', code));
socket.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
