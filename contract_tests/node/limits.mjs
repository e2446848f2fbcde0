// Uploads that are refused: every client must report the status, not a broken connection.
//
// Needs a running server with the default limit of 512 MB (OPENAI_BASE_URL), and a file of more than that whose name
// ends in .jsonl (BIG_FILE; a sparse one will do). curl is run where it is installed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream, openAsBlob } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import OpenAI from 'openai';

const BIG_FILE = process.env.BIG_FILE;
const baseURL = process.env.OPENAI_BASE_URL;
const apiKey = `sk-node-limits-${process.pid}`;

const tooLarge = (error) =>
  error instanceof OpenAI.APIError && error.status === 413 && /^413 Maximum content size limit \(536870912\) exceeded/.test(error.message);

async function bigFile() {
  return new File([await openAsBlob(BIG_FILE)], 'big.jsonl');
}

async function bigForm() {
  const form = new FormData();
  form.set('purpose', 'fine-tune');
  form.set('file', await bigFile());
  return form;
}

test('the SDK reports a too large upload as 413', async () => {
  const client = new OpenAI({ apiKey, maxRetries: 0 });
  await assert.rejects(client.files.create({ file: await bigFile(), purpose: 'fine-tune' }), tooLarge);
});

test('the SDK reports a keyless upload as 401', async () => {
  const client = new OpenAI({ apiKey: 'sk-invalid-key', maxRetries: 0 });
  await assert.rejects(
    client.files.create({ file: await bigFile(), purpose: 'fine-tune' }),
    (error) => error instanceof OpenAI.AuthenticationError && error.code === 'invalid_api_key',
  );
});

test('fetch reports a too large upload as 413', async () => {
  const answer = await fetch(`${baseURL}/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}` },
    body: await bigForm(),
  });
  assert.equal(answer.status, 413);
  assert.equal((await answer.json()).error.type, 'server_error');
});

test('fetch reports a too large upload of undeclared length as 413', async () => {
  const boundary = 'mocktune';
  async function* body() {
    yield Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n` +
        `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="big.jsonl"\r\n\r\n`,
    );
    yield* createReadStream(BIG_FILE, { highWaterMark: 1 << 20 });
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  const answer = await fetch(`${baseURL}/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: ReadableStream.from(body()),
    duplex: 'half',
  });
  assert.equal(answer.status, 413);
});

test('fetch reports a keyless upload as 401', async () => {
  const answer = await fetch(`${baseURL}/files`, { method: 'POST', body: await bigForm() });
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="OpenAI API"');
});

async function curl(...options) {
  const { stdout } = await promisify(execFile)('curl', [
    '--silent', '--show-error', '--noproxy', '*', '--output', '/dev/null', '--write-out', '%{http_code}',
    '--form', 'purpose=fine-tune', '--form', `file=@${BIG_FILE};filename=big.jsonl`, ...options, `${baseURL}/files`,
  ]);
  return stdout;
}

// With `Expect: 100-continue`, as curl does by itself, the body is never sent; without it the server throws it away.
for (const [name, expect] of [['that asks first', []], ['that just sends', ['--header', 'Expect:']]]) {
  test(`curl ${name} reports a too large upload as 413`, async () => {
    assert.equal(await curl('--header', `authorization: Bearer ${apiKey}`, ...expect), '413');
  });
  test(`curl ${name} reports a keyless upload as 401`, async () => {
    assert.equal(await curl(...expect), '401');
  });
}

test('after all of that the server still answers, and nothing was kept', async () => {
  const client = new OpenAI({ apiKey, maxRetries: 0 });
  assert.deepEqual((await client.files.list()).data, []);
});
