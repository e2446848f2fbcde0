// What fetch or the official Node SDK reports of each fault: `node fault_clients.mjs fetch|sdk`, rows as JSON on stdin,
// one line of JSON for each on stdout. Run by fault_clients.py.
const sdk = process.argv[2] === 'sdk' ? (await import('openai')).default : null;
let input = '';
for await (const piece of process.stdin) input += piece;

async function withFetch({ url, key, stream, chat }, timeout) {
  const answer = await fetch(url + (stream ? '/chat/completions' : '/models'), {
    method: stream ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${key}`, ...(stream && { 'content-type': 'application/json' }) },
    body: stream ? JSON.stringify({ ...chat, stream: true }) : undefined,
    signal: AbortSignal.timeout(timeout),
  });
  if (stream) return void (await answer.text());
  await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}`);
}

async function withSdk({ url, key, stream, chat }, timeout) {
  const client = new sdk({ baseURL: url, apiKey: key, maxRetries: 0, timeout });
  if (!stream) return void (await client.models.list());
  for await (const _ of await client.chat.completions.create({ ...chat, stream: true }));
}

const { rows, timeout_s } = JSON.parse(input);
for (const row of rows) {
  let said;
  try {
    await (sdk ? withSdk : withFetch)(row, timeout_s * 1000);
    said = { ok: true };
  } catch (error) {
    const cause = [error.cause?.code, error.cause?.cause?.code].find((code) => typeof code === 'string');
    said = { name: error instanceof DOMException ? error.name : error.constructor.name, cause };
  }
  console.log(JSON.stringify(said));
}
process.exit(0);
