import axios from 'axios';

const headers = { Authorization: 'Bearer ' + process.env.ECHO_TOKEN };
for (const method of ['GET', 'DELETE']) {
  const answer = await axios.request({ url: 'https://api.echo.test/v1/things/7', method, headers, validateStatus: () => true });
  console.log(answer.status, answer.headers.toJSON(), JSON.stringify(answer.data));
}
