const headers = { authorization: 'Bearer ' + process.env.ECHO_TOKEN };
for (const method of ['GET', 'DELETE']) {
  const answer = await fetch('https://api.echo.test/v1/things/7', { method, headers });
  console.log(answer.status, Object.fromEntries(answer.headers), await answer.text());
}
