import OpenAI from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const ask = { model: 'gpt-test', messages: [{ role: 'user', content: 'ping, my key is ' + process.env.OPENAI_API_KEY }] };
console.log((await client.chat.completions.create(ask)).choices[0].message.content);
let text = '';
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) text += chunk.choices[0].delta.content ?? '';
console.log(text);
console.log((await client.responses.create({ model: 'gpt-test', input: 'ping' })).output_text);
try {
  await client.files.delete('file-1');
  console.log('deleted');
} catch (refused) {
  console.log(refused.status, refused.message);
}
